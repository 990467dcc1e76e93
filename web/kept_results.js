/**
 * Keeps what nodes show of a run. The front end looks for what has changed in a workflow when somebody acts on the page;
 * a tab that is left, or a page that is loaded again, before that would lose it, and so would a tab that is not shown
 * when its job ends. The graph runs the same without this file.
 */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"
import { takeKept } from "./shown_widget.js"

const ENDS = ["execution_success", "execution_error", "execution_interrupted"]
/** The workflow that is shown, by its id, and the looks for its outputs that are still to come. */
let shown, waiting = []

/** Have the front end look: one step for undo, and none where nothing has changed. */
function look() {
  app.canvas.emitBeforeChange()
  app.canvas.emitAfterChange()
}

app.registerExtension({
  name: "xlard.kept_results",
  setup() {
    // Nodes get their outputs before the end, and are drawn afterwards.
    for (const end of ENDS) api.addEventListener(end, () => setTimeout(look))
  },
  afterConfigureGraph() {
    const { id } = app.rootGraph ?? app.graph
    waiting.forEach(clearTimeout)
    waiting = []
    // An undo opens the same one again: what it takes back stays so.
    if (id === shown) return
    shown = id
    // The outputs come after the graph, front ends differ in how long after.
    waiting = [0, 100, 500].map(wait => setTimeout(() => { if (takeKept()) look() }, wait))
  },
})
