// Posts as JavaScript reads them. In: a JSON list of posts; out: for each, what every reader says of its front matter and body.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { load } = require("js-yaml");
const { load: load4 } = require("js-yaml-4");
const matter = require("gray-matter");
const { marked } = require("marked");
const markdown = require("markdown-it")({ html: true, linkify: true, typographer: true });

const read = (post) => {
  const front = post.split("\n---\n")[0].replace(/^\n?---\n/, "");
  const found = matter(post);
  return {
    matters: { "js-yaml 5": load(front), "js-yaml 4": load4(front), "gray-matter": found.data },
    body: found.content,
    shown: { marked: marked.parse(found.content), "markdown-it": markdown.render(found.content) },
  };
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)));
