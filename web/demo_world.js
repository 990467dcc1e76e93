/**
 * Gives xLARD Demo World in workflows from before there were two worlds the one that they mean. The graph runs the same
 * without this file.
 */
import { app } from "../../scripts/app.js"

const NODE = "XLARDDemo"
const EARLIER = "shapes"

app.registerExtension({
  name: "xlard.demo_world",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const onConfigure = node.onConfigure
    node.onConfigure = function (saved) {
      onConfigure?.apply(this, arguments)
      const world = this.widgets?.find(widget => widget.name === "world")
      if (world && !saved.widgets_values?.length) world.value = EARLIER
    }
  },
})
