/**
 * Hides the advanced widgets of xLARD's nodes behind a button: where nodes are drawn on the canvas, and in the Nodes 2.0
 * of front ends that do not hide them by themselves. A widget that a link leads to stays. The graph runs the same without
 * this file.
 */
import { app } from "../../scripts/app.js"
import { INPUT as EDITS } from "./claim_edits.js"

const NODES_2 = "Comfy.VueNodes.Enabled"
/** A setting of the front ends whose Nodes 2.0 hide advanced widgets. */
const HIDES_ITSELF = "Comfy.Node.AlwaysShowAdvancedWidgets"
/** Fewer than these are not worth a button. */
const ENOUGH = 4
const MORE = "More settings"
const FEWER = "Fewer settings"
/** A hidden widget takes no room: the canvas adds 4 to each height. */
const NO_ROOM = () => [0, -4]

/** Arrange the widgets of each node that has advanced ones. */
const arrangers = new Set()

const hidesItself = () => app.extensionManager.setting.get(HIDES_ITSELF) !== undefined

/**
 * Show the widgets, or hide those that no link leads to.
 * @param {object} node the LiteGraph node
 * @param {object[]} widgets its advanced ones
 * @returns {boolean} whether any is hidden now that was not, or the other way round
 */
function arrange(node, widgets) {
  const linked = new Set(node.inputs?.filter(input => input.link != null).map(input => input.widget?.name))
  const byUs = !window.LiteGraph.vueNodesMode || !hidesItself()
  const changed = widgets.filter(widget => {
    const tucked = byUs && !node.showAdvanced && !linked.has(widget.name)
    if (tucked === (widget.computeSize === NO_ROOM)) return false
    widget.hidden = tucked
    if (!hidesItself()) widget.options.hidden = tucked
    if (tucked) widget.computeSize = NO_ROOM
    else delete widget.computeSize
    return true
  })
  if (changed.length) node.setDirtyCanvas(true, true)
  return changed.length > 0
}

/**
 * Have Nodes 2.0 draw a node's widgets anew. They read which are hidden where the node is added, and not again.
 * @param {object} node the LiteGraph node
 */
function redraw(node) {
  if (!window.LiteGraph.vueNodesMode || hidesItself() || app.canvas.graph !== node.graph) return
  node.graph?.onNodeAdded?.(node)
  const drawn = document.querySelector(`.lg-node[data-node-id="${node.id}"]`)
  drawn?.style.setProperty("--node-height", `${node.computeSize()[1]}px`)
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
      if (!window.LiteGraph.vueNodesMode) node.setSize([node.size[0], node.computeSize()[1]])
    }, { serialize: false, canvasOnly: hidesItself(), severity: "secondary" })
    button.serialize = false
    const refresh = () => {
      const changed = arrange(node, widgets)
      button.label = node.showAdvanced ? FEWER : MORE
      // What the Nodes 2.0 that need the button write on it.
      if (!hidesItself()) button.name = button.label
      if (changed) redraw(node)
    }
    refresh()
    arrangers.add(refresh)
    // Front ends differ in when they tell of links: the canvas asks before it draws.
    const onDrawForeground = node.onDrawForeground
    node.onDrawForeground = function () {
      refresh()
      return onDrawForeground?.apply(this, arguments)
    }
    const onConnectionsChange = node.onConnectionsChange
    node.onConnectionsChange = function () {
      // The link is made or gone only afterwards.
      setTimeout(refresh)
      return onConnectionsChange?.apply(this, arguments)
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
