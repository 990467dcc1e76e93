/**
 * Hides the advanced widgets of xLARD's nodes behind a button where nodes are drawn on the canvas. Nodes 2.0 hides them
 * by itself in newer front ends, and shows them in older ones. A widget that a link leads to stays. The graph runs the
 * same without this file.
 */
import { app } from "../../scripts/app.js"
import { INPUT as EDITS } from "./claim_edits.js"

const NODES_2 = "Comfy.VueNodes.Enabled"
/** Fewer than these are not worth a button. */
const ENOUGH = 4
const MORE = "More settings"
const FEWER = "Fewer settings"
/** A hidden widget takes no room: the canvas adds 4 to each height. */
const NO_ROOM = () => [0, -4]

/** Arrange the widgets of each node that has advanced ones. */
const arrangers = new Set()

/**
 * Show the widgets, or hide those that no link leads to.
 * @param {object} node the LiteGraph node
 * @param {object[]} widgets its advanced ones
 */
function arrange(node, widgets) {
  const linked = new Set(node.inputs?.filter(input => input.link != null).map(input => input.widget?.name))
  const onCanvas = !window.LiteGraph.vueNodesMode
  for (const widget of widgets) {
    const tucked = onCanvas && !node.showAdvanced && !linked.has(widget.name)
    if (tucked === (widget.computeSize === NO_ROOM)) continue
    widget.hidden = tucked
    if (tucked) widget.computeSize = NO_ROOM
    else delete widget.computeSize
    node.setDirtyCanvas(true, true)
  }
}

app.registerExtension({
  name: "xlard.advanced",
  setup() {
    app.ui.settings.addEventListener(`${NODES_2}.change`, () => {
      // The setting first reaches whatever draws the nodes.
      setTimeout(() => arrangers.forEach(refresh => refresh()))
    })
  },
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("XLARD")) return
    const widgets = node.widgets?.filter(widget => widget.options?.advanced && widget.name !== EDITS) ?? []
    if (widgets.length < ENOUGH) return
    const button = node.addWidget("button", MORE, null, () => {
      node.showAdvanced = !node.showAdvanced
      refresh()
      node.setSize([node.size[0], node.computeSize()[1]])
    }, { serialize: false, canvasOnly: true })
    button.serialize = false
    const refresh = () => {
      arrange(node, widgets)
      button.label = node.showAdvanced ? FEWER : MORE
    }
    refresh()
    arrangers.add(refresh)
    // Front ends differ in when they tell of links: the canvas asks before it draws.
    const onDrawForeground = node.onDrawForeground
    node.onDrawForeground = function () {
      refresh()
      return onDrawForeground?.apply(this, arguments)
    }
    const onConfigure = node.onConfigure
    node.onConfigure = function () {
      const result = onConfigure?.apply(this, arguments)
      refresh()
      return result
    }
    const onRemoved = node.onRemoved
    node.onRemoved = function () {
      arrangers.delete(refresh)
      return onRemoved?.apply(this, arguments)
    }
    node.setSize(node.computeSize())
  },
})
