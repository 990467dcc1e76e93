/**
 * Colors of the pack: of its own socket types and their links, of its nodes, and of what its widgets say. The graph runs
 * the same without this file.
 */
import { app } from "../../scripts/app.js"

/** Of socket types; each stands out against dark and light nodes. A color palette that names one of them wins. */
const SOCKETS = {
  XLARD_CRITIC: "#209687",
  XLARD_CLAIMS: "#a38317",
  XLARD_CRITIQUE: "#e05e26",
  XLARD_HEAD: "#a569ea",
  XLARD_CORRECTOR: "#da51b1",
  XLARD_EDIT_MODEL: "#6a7bf0",
  XLARD_SECOND_MODEL: "#3f86c4",
  XLARD_FILL_MODEL: "#bd7366",
  XLARD_STATE: "#6f922a",
  XLARD_FLOW: "#868686",
  XLARD_DATASET: "#269a4d",
}

/** Hue and chroma of verdicts in text. Their lightness is that of other text, dark or light as the palette has it. */
const TEXT = { holds: ".13 155", fails: ".15 18", unsure: ".11 85" }

/** Of nodes on the canvas: a quiet shade. Light palettes brighten it. A color that somebody gives a node wins. */
const NODE = { dark: { color: "#2a3537", bgcolor: "#30383a" }, light: { color: "#5e7e80", bgcolor: "#667f80" } }

/**
 * Give socket types colors that stay where a palette has none for them: the front end empties those at each change.
 * @param {Record<string, string>} colors by type
 */
function keepColors(colors) {
  for (const [type, own] of Object.entries(SOCKETS)) {
    let given = colors[type]
    Object.defineProperty(colors, type, {
      get: () => given || own, set: value => { given = value }, enumerable: true, configurable: true,
    })
  }
}

app.registerExtension({
  name: "xlard.colors",
  init() {
    const style = document.createElement("style")
    const sockets = Object.entries(SOCKETS).map(([type, color]) => `--color-datatype-${type}:${color};`)
    const text = Object.entries(TEXT)
      .map(([name, color]) => `--xlard-${name}:oklch(from var(--input-text,#ddd) clamp(.42,l,.78) ${color});`)
    style.textContent = `:root{${[...sockets, ...text].join("")}}`
    document.head.append(style)
    keepColors(app.canvas.default_connection_color_byType)
    keepColors(app.canvas.constructor.link_type_colors)
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith("XLARD")) return
    const shade = () => window.LiteGraph.nodeLightness ? NODE.light : NODE.dark
    Object.defineProperties(nodeType, { color: { get: () => shade().color }, bgcolor: { get: () => shade().bgcolor } })
  },
})
