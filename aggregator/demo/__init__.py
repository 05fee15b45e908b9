"""What the `demo` command needs: ten invented sources, the upstream that serves them, a project that polls them."""
