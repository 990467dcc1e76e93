/** Workflows that were saved before there were two demo worlds keep the one that they were made with. */
import { app } from "../../scripts/app.js"

const FIRST = "shapes"

app.registerExtension({
  name: "xlard.demo_world",
  nodeCreated(node) {
    if (node.comfyClass !== "XLARDDemo") return
    const configured = node.onConfigure
    node.onConfigure = function (info) {
      configured?.apply(this, arguments)
      const world = this.widgets?.find(widget => widget.name === "world")
      const saved = Object.keys(info.widgets_values ?? {}).length > 0
      if (world && !saved) world.value = FIRST
    }
  },
})
