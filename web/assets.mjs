// Turns the unpacked npm packages into what the frame serves: Tabler's CSS with its
// data: images taken out into files (the content security policy allows none), its
// dark rules repeated under a media query for readers who follow their system, and
// one SVG sprite of the icons named in icons.txt.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const [work, out, list] = process.argv.slice(2);

mkdirSync(`${out}/tabler/img`, { recursive: true });

function externalise(css) {
  return css.replace(/url\("data:image\/svg\+xml,([^"]*)"\)/g, (_, body) => {
    const svg = body.includes("%3c") || body.includes("%3C") ? decodeURIComponent(body) : body.replace(/%23/g, "#");
    const name = createHash("sha256").update(svg).digest("hex").slice(0, 12) + ".svg";
    writeFileSync(`${out}/tabler/img/${name}`, svg);
    return `url("img/${name}")`;
  });
}

// Each rule with a plain [data-bs-theme=dark] branch, for :root without a choice.
function systemDark(css) {
  const rules = [];
  for (const m of css.matchAll(/([^{}]*)\{([^{}]*)\}/g)) {
    const branches = m[1].split(/,(?![^(\[]*[)\]])/).filter((s) => s.trim().startsWith("[data-bs-theme=dark]"));
    if (branches.length === 0 || m[2].includes("light!important")) continue;
    const selector = branches.map((s) => s.trim().replace("[data-bs-theme=dark]", ":root:not([data-bs-theme])")).join(",");
    rules.push(`${selector}{${m[2]}}`);
  }
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}

for (const name of ["tabler", "tabler.rtl"]) {
  let css = readFileSync(`${work}/tabler/dist/css/${name}.min.css`, "utf8");
  css = externalise(css.replace(/\/\*# sourceMappingURL=[^*]*\*\//, ""));
  if (css.includes("data:")) throw new Error(`${name}: a data: address is left`);
  writeFileSync(`${out}/tabler/${name}.min.css`, css + systemDark(css) + "\n");
}

const symbols = readFileSync(list, "utf8").split("\n").map((l) => l.trim()).filter((l) => l && !l.startsWith("#")).map((line) => {
  const [name, source = name] = line.split(/\s+/);
  const svg = readFileSync(`${work}/icons/icons/outline/${source}.svg`, "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "").replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
});
writeFileSync(`${out}/icons/sprite.svg`, `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
