/**
 * Shows the claims that xLARD Claims found, and copies them into its text field for editing. The text field is an
 * ordinary input, saved with the workflow; the graph runs the same without this file.
 */
import { app } from "../../scripts/app.js"
import { keepShown, scrolled, takeOutputs } from "./shown_widget.js"

const NODE = "XLARDClaims"
const WIDGET = "xlard.claims"
const TEXT_FIELD = "edited"
const NO_CLAIMS = "Run the workflow to see the claims of the prompt."
const HEIGHT_IN_NODES_2 = 130
/** Lines about the prompt that are no claims: what became none, and remarks. */
const NOTE = /^(not understood|not checked):\s*(.*)$|^#\s*(.*)$/
/** How many values a workflow has for this node if it was saved before the widgets behind the text field. */
const OLD_VALUES = 3

/**
 * One claim or note as an element: its type as a small label, its text beside it.
 * @param {string} line a line as the node prints it, such as `count: two red circles` or `not checked: fantasy`
 * @returns {HTMLDivElement}
 */
function claimRow(line) {
  const note = line.match(NOTE)
  const [type, text] = note
    ? [note[1] ?? "", note[2] ?? note[3]]
    : (line.match(/^(\w+):\s*(.*)$/)?.slice(1) ?? ["custom", line])
  const row = document.createElement("div")
  row.style.cssText = "display:flex;gap:8px;padding:2px 0"
  const label = document.createElement("span")
  label.textContent = type
  label.style.cssText = "flex:0 0 64px;opacity:.75"
  const claim = document.createElement("span")
  claim.textContent = text
  claim.style.cssText = `min-width:0;overflow-wrap:anywhere;${note ? "opacity:.75" : ""}`
  row.append(label, claim)
  return row
}

/**
 * @param {string} text
 * @param {string} title what the button does, shown when the mouse rests on it
 * @returns {HTMLButtonElement}
 */
function createButton(text, title) {
  const button = document.createElement("button")
  button.textContent = text
  button.title = title
  button.style.cssText = "flex:1;border:1px solid var(--border-color,#555);border-radius:6px;padding:4px;" +
    "font:12px sans-serif;background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd);cursor:pointer"
  return button
}

/**
 * Add the list of claims with its buttons. The widget's value is the claims' text: a saved workflow shows it again.
 * @param {object} node the LiteGraph node
 * @returns {{value: string}} the widget
 */
function addClaimsWidget(node) {
  let claims = ""
  const list = document.createElement("div")
  list.style.cssText = scrolled(HEIGHT_IN_NODES_2) + "flex:1;padding:4px 8px;border-radius:6px;font:12px sans-serif;" +
    "background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd)"
  // Otherwise the wheel would zoom the graph.
  list.onwheel = event => event.stopPropagation()
  const editButton = createButton(
    "Edit these claims", "Copies the claims into the text field above, where they can be changed.")
  const resetButton = createButton("Use the prompt's claims", "Empties the text field above.")
  const buttons = document.createElement("div")
  buttons.style.cssText = "display:flex;gap:6px"
  buttons.append(editButton, resetButton)
  const column = document.createElement("div")
  column.style.cssText = "display:flex;flex-direction:column;gap:6px;width:100%;height:100%;box-sizing:border-box"
  column.className = "xlard-claims"
  column.append(list, buttons)
  keepShown(node, column)

  /** @param {string} text */
  const fillTextField = text => {
    const textField = node.widgets.find(widget => widget.name === TEXT_FIELD)
    textField.value = text
    textField.callback?.(text)
    node.setDirtyCanvas(true, true)
  }
  const refresh = () => {
    list.replaceChildren(...(claims ? claims.split("\n").map(claimRow) : [document.createTextNode(NO_CLAIMS)]))
    editButton.disabled = !claims
  }
  editButton.onclick = () => fillTextField(claims.split("\n").filter(line => !NOTE.test(line)).join("\n"))
  resetButton.onclick = () => fillTextField("")
  const widget = node.addDOMWidget(WIDGET, WIDGET, column, {
    // Kept in the workflow, but no input of the node.
    serialize: false,
    hideOnZoom: false,
    getValue: () => claims,
    setValue: savedValue => {
      claims = typeof savedValue === "string" ? savedValue : ""
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
    if (node.comfyClass !== NODE) return
    const newer = node.widgets.slice(OLD_VALUES - 1).map(newerWidget => [newerWidget, newerWidget.value])
    const widget = addClaimsWidget(node)
    const onConfigure = node.onConfigure
    // Values are saved by place: in an old workflow the claims stand where now the first of the newer widgets has its.
    node.onConfigure = function (saved) {
      onConfigure?.apply(this, arguments)
      const values = saved.widgets_values
      if (!Array.isArray(values) || values.length !== OLD_VALUES) return
      for (const [newerWidget, value] of newer) newerWidget.value = value
      widget.value = values[OLD_VALUES - 1]
    }
    takeOutputs(node, output => {
      const claims = output.claims?.[0]
      if (!claims || claims === widget.value) return false
      widget.value = claims
      return true
    })
  },
})
