/**
 * Shows the claims that xLARD Claims found, and copies them into its text field so that they can be edited. The text field
 * is an ordinary input, saved with the workflow; the graph runs the same without this file.
 */
import { app } from "../../scripts/app.js"

const WIDGET = "xlard.claims"
const EDITED = "edited"
const EMPTY = "Run the workflow to see the claims of the prompt."

/** One line of claims as an element: its type as a small label, its text beside it. */
function row(line) {
  const [, type, text] = line.match(/^(\w+):\s*(.*)$/) ?? [null, "custom", line]
  const element = document.createElement("div")
  element.style.cssText = "display:flex;gap:8px;padding:2px 0"
  const label = document.createElement("span")
  label.textContent = type
  label.style.cssText = "flex:0 0 64px;opacity:.65"
  const claim = document.createElement("span")
  claim.textContent = text
  element.append(label, claim)
  return element
}

function button(text, title) {
  const element = document.createElement("button")
  element.textContent = text
  element.title = title
  element.style.cssText = "flex:1;border:1px solid var(--border-color,#555);border-radius:6px;padding:4px;font:12px sans-serif;" +
    "background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd);cursor:pointer"
  return element
}

/** The list of claims with its buttons; the widget's value is the claims' text, so that a saved workflow shows it again. */
function addClaimsWidget(node) {
  let value = ""
  const list = document.createElement("div")
  list.style.cssText = "flex:1;overflow:auto;padding:4px 8px;border-radius:6px;font:12px sans-serif;" +
    "background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd)"
  // Otherwise the wheel would zoom the graph.
  list.onwheel = event => event.stopPropagation()
  const edit = button("Edit these claims", "Copies the claims into the text field above, where they can be changed.")
  const reset = button("Use the prompt's claims", "Empties the text field above.")
  const bar = document.createElement("div")
  bar.style.cssText = "display:flex;gap:6px"
  bar.append(edit, reset)
  const box = document.createElement("div")
  box.style.cssText = "display:flex;flex-direction:column;gap:6px;width:100%;height:100%;box-sizing:border-box"
  box.append(list, bar)

  const field = () => node.widgets.find(widget => widget.name === EDITED)
  const write = text => {
    field().value = text
    field().callback?.(text)
    node.setDirtyCanvas(true, true)
  }
  const refresh = () => {
    list.replaceChildren(...(value ? value.split("\n").map(row) : [document.createTextNode(EMPTY)]))
    edit.disabled = !value
  }
  edit.onclick = () => write(value)
  reset.onclick = () => write("")
  const widget = node.addDOMWidget(WIDGET, "xlard.claims", box, {
    // Kept in the workflow, but no input of the node.
    serialize: false,
    hideOnZoom: false,
    getValue: () => value,
    setValue: next => {
      value = typeof next === "string" ? next : ""
      refresh()
    },
    margin: 4,
    getMinHeight: () => 130,
  })
  refresh()
  return widget
}

app.registerExtension({
  name: "xlard.claims",
  nodeCreated(node) {
    if (node.comfyClass !== "XLARDClaims") return
    const widget = addClaimsWidget(node)
    const onExecuted = node.onExecuted
    node.onExecuted = function (message) {
      onExecuted?.apply(this, arguments)
      const claims = message?.claims?.[0]
      if (claims) widget.value = claims
    }
  },
})
