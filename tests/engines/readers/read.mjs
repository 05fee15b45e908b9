// A feed as JavaScript reads it. In: where the libraries are installed, which of them, an address; out: what it makes of it, as JSON.
import { createRequire } from "node:module";
import { join } from "node:path";

const [installed, library, address] = process.argv.slice(2);
const require = createRequire(join(installed, "package.json"));

const readers = {
  feedsmith: async () => {
    const answer = await fetch(address);
    return require("feedsmith").parseFeed(await answer.text());
  },
  "rss-parser": async () => {
    const Parser = require("rss-parser");
    return new Parser().parseURL(address);
  },
};

// What a library refuses is an answer too: its own error, and nothing read.
const found = await readers[library]().catch((error) => ({ refused: String(error) }));
process.stdout.write(JSON.stringify(found));
