"""Posts, ledger and state on disk: the only stage that writes what must last.

`profiles` turns entries into bytes and back, `paths` chooses names, `files` writes safely, `posts` joins the three; `ledger`
keeps what no post can carry; `state` is the disposable index; `lock` keeps two runs apart.
"""
