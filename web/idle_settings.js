/**
 * Greys the settings of xLARD's nodes that a connected sampler, sigmas or guider replaces. They keep their values. The
 * graph runs the same without this file.
 */
import { app } from "../../scripts/app.js"

/** By socket: the widgets that it replaces. */
const REPLACED = { sampler: ["sampler_name"], sigmas: ["steps", "scheduler"], guider: ["cfg"] }

/**
 * Grey the widgets whose socket has a link, and free the others.
 * @param {object} node the LiteGraph node
 */
function arrange(node) {
  let changed = false
  for (const [socket, replaced] of Object.entries(REPLACED)) {
    const idle = node.inputs.find(input => input.name === socket)?.link != null
    for (const widget of node.widgets.filter(widget => replaced.includes(widget.name))) {
      if (Boolean(widget.disabled) === idle) continue
      widget.disabled = idle
      // Nodes 2.0 reads it here.
      widget.options = { ...widget.options, disabled: idle }
      changed = true
    }
  }
  if (!changed) return
  // Nodes 2.0 looks at widgets again where their list changes.
  node.widgets.push(node.widgets.pop())
  node.setDirtyCanvas(true, true)
}

app.registerExtension({
  name: "xlard.idle_settings",
  nodeCreated(node) {
    const replaces = input => input.name in REPLACED && !input.widget
    if (!node.comfyClass?.startsWith("XLARD") || !node.widgets || !node.inputs?.some(replaces)) return
    // Front ends differ in when they tell of links: the canvas asks before it draws, too.
    for (const hook of ["onConnectionsChange", "onConfigure", "onDrawForeground"]) {
      const before = node[hook]
      node[hook] = function () {
        const result = before?.apply(this, arguments)
        arrange(node)
        return result
      }
    }
  },
})
