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

/** How far Nodes 2.0 turns its own color of a node to the pack's shade. */
const TINT = "#209687 10%"

/**
 * What Nodes 2.0 paints nodes with, and what the pack's are painted with instead: newer front ends have a color for the
 * title, too. The color that somebody gives a node stands on its element, and wins.
 */
const PAINTED = { "--component-node-background": "--xlard-node", "--node": "--xlard-node", "--node-header": "--xlard-title" }

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

const nodeStyle = document.createElement("style")
let waiting

/** Shade the pack's nodes in Nodes 2.0, which knows nodes by their ids in the graph that is shown. */
function shadeNodes() {
  const ours = app.canvas.graph?._nodes.filter(node => node.comfyClass?.startsWith("XLARD")) ?? []
  const painted = Object.entries(PAINTED).map(([name, shade]) => `${name}:var(${shade});`)
  const rule = ids => `.lg-node:is(${ids}){${painted.join("")}}`
  nodeStyle.textContent = ours.length ? rule(ours.map(node => `[data-node-id="${node.id}"]`)) : ""
}

/** Shade them once the nodes that are being made have their ids. */
function shadeSoon() {
  clearTimeout(waiting)
  waiting = setTimeout(shadeNodes)
}

app.registerExtension({
  name: "xlard.colors",
  init() {
    const style = document.createElement("style")
    const sockets = Object.entries(SOCKETS).map(([type, color]) => `--color-datatype-${type}:${color};`)
    const text = Object.entries(TEXT)
      .map(([name, color]) => `--xlard-${name}:oklch(from var(--input-text,#ddd) clamp(.42,l,.78) ${color});`)
    const mixed = name => `color-mix(in oklab, var(${name}), ${TINT})`
    // Palettes have their colors on either element.
    style.textContent = `:root{${[...sockets, ...text].join("")}}` +
      `:root,body{--xlard-node:${mixed("--component-node-background")};--xlard-title:${mixed("--node-header")}}`
    document.head.append(style, nodeStyle)
    app.canvas.canvas.addEventListener("litegraph:set-graph", shadeSoon)
    keepColors(app.canvas.default_connection_color_byType)
    keepColors(app.canvas.constructor.link_type_colors)
  },
  // Of any node: it may have the id that one of the pack's had.
  nodeCreated: shadeSoon,
  afterConfigureGraph: shadeSoon,
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith("XLARD")) return
    const shade = () => window.LiteGraph.nodeLightness ? NODE.light : NODE.dark
    Object.defineProperties(nodeType, { color: { get: () => shade().color }, bgcolor: { get: () => shade().bgcolor } })
  },
})
