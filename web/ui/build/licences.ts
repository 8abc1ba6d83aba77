import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

const LICENCE_FILE = /^(licen[cs]e|copying|notice|ofl)([.-].*)?$/i;

/** Fonts come in through CSS, so they are no modules of the bundle. */
const FONTS = ["@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono"];

/** Emits `third-party-licences.txt` with the licence of every package whose code or fonts reach the bundle. */
export function licences(): Plugin {
  return {
    name: "evenkeel-licences",
    apply: "build",
    generateBundle() {
      const packages = new Map<string, string>();
      for (const id of this.getModuleIds()) {
        const root = packageRoot(id.replace(/^\0+/, "").split("?")[0] ?? "");
        if (root && !packages.has(root)) packages.set(root, notice(root));
      }
      for (const name of FONTS) packages.set(name, notice(join("node_modules", name)));
      const text = [...packages.values()].sort().join(`\n${"-".repeat(79)}\n\n`);
      this.emitFile({ type: "asset", fileName: "third-party-licences.txt", source: text });
    },
  };
}

function packageRoot(file: string): string | null {
  if (!file.includes("/node_modules/")) return null;
  for (let dir = dirname(file); dir.includes("/node_modules/"); dir = dirname(dir)) {
    const manifest = join(dir, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version) return dir;
  }
  return null;
}

function notice(root: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const texts = readdirSync(root)
    .filter((file) => LICENCE_FILE.test(file))
    .map((file) => readFileSync(join(root, file), "utf8").trim());
  return `${name} ${version} (${license ?? "see below"})\n\n${texts.join("\n\n")}\n`;
}
