/**
 * Shows the page that xLARD Report wrote. ComfyUI's /view hands HTML out as a download only; here the page opens in a
 * frame that may run no script. The graph runs the same without this file.
 */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"
import { keepShown, takeOutputs } from "./shown_widget.js"

const NODE = "XLARDReport"
const WIDGET = "xlard.page"
const PAGE_GONE = "The page is no longer in the output folder. Run the workflow again."

/**
 * A file as a node's outputs state it.
 * @typedef {object} OutputFile
 * @property {string} filename
 * @property {string} subfolder
 * @property {string} type the folder of ComfyUI: `output`, `temp` or `input`
 */

/**
 * @param {OutputFile} file
 * @returns {string} the address of the file, below ComfyUI's own
 */
function viewAddress(file) {
  const query = new URLSearchParams({ filename: file.filename, subfolder: file.subfolder, type: file.type })
  return `/view?${query}`
}

/**
 * Show a page over the graph until it is closed.
 * @param {OutputFile} file
 * @returns {Promise<void>}
 * @throws {Error} that names the cause if the page cannot be loaded
 */
async function showPage(file) {
  const response = await api.fetchApi(viewAddress(file))
  if (!response.ok) {
    throw new Error(response.status === 404 ? PAGE_GONE : `ComfyUI answered ${response.status} for the page.`)
  }
  const frame = document.createElement("iframe")
  frame.title = file.filename
  // An empty sandbox: no script, no forms, no access to ComfyUI's page.
  frame.setAttribute("sandbox", "")
  frame.srcdoc = await response.text()
  frame.style.cssText = "flex:1;border:0;width:100%"

  const closeButton = document.createElement("button")
  closeButton.textContent = "Close"
  const saveLink = document.createElement("a")
  saveLink.textContent = "Save page"
  saveLink.href = api.apiURL(viewAddress(file))
  saveLink.download = file.filename
  saveLink.style.color = "inherit"
  const toolbar = document.createElement("div")
  toolbar.style.cssText = "display:flex;gap:1rem;justify-content:space-between;padding:.5rem 1rem"
  toolbar.append(saveLink, closeButton)

  const dialog = document.createElement("dialog")
  dialog.setAttribute("aria-label", "xLARD report")
  dialog.style.cssText = "width:min(75rem,96vw);height:94vh;max-width:none;max-height:none;padding:0;border:0;" +
    "border-radius:8px;overflow:hidden;margin:auto;background:var(--comfy-menu-bg,#222);color:var(--input-text,#ddd)"
  const column = document.createElement("div")
  column.style.cssText = "display:flex;flex-direction:column;height:100%"
  column.append(toolbar, frame)
  dialog.append(column)
  closeButton.onclick = () => dialog.close()
  dialog.onclose = () => dialog.remove()
  // Otherwise the graph's shortcuts would act on nodes behind the dialog.
  dialog.onkeydown = event => event.stopPropagation()
  document.body.append(dialog)
  dialog.showModal()
}

/**
 * Add a button that opens the last page. The widget's value is the JSON of the page's file: a saved workflow finds it
 * again.
 * @param {object} node the LiteGraph node
 * @returns {{value: string}} the widget
 */
function addPageWidget(node) {
  let fileJson = ""
  const button = document.createElement("button")
  button.style.cssText = "width:100%;height:100%;max-height:36px;border:1px solid var(--border-color,#555);border-radius:6px;" +
    "background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd);font:12px sans-serif;cursor:pointer"
  button.className = "xlard-report"
  keepShown(node, button)
  const refresh = () => {
    button.disabled = !fileJson
    button.textContent = fileJson ? "Open report" : "No report yet"
  }
  button.onclick = async () => {
    try {
      await showPage(JSON.parse(fileJson))
    } catch (error) {
      button.textContent = error.message
    }
  }
  const widget = node.addDOMWidget(WIDGET, WIDGET, button, {
    // Kept in the workflow, but no input of the node.
    serialize: false,
    hideOnZoom: false,
    getValue: () => fileJson,
    setValue: savedValue => {
      fileJson = typeof savedValue === "string" ? savedValue : ""
      refresh()
    },
    margin: 4,
    getMinHeight: () => 36,
    getMaxHeight: () => 36,
  })
  refresh()
  return widget
}

app.registerExtension({
  name: "xlard.report",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const widget = addPageWidget(node)
    takeOutputs(node, output => {
      const file = output.html?.[0] && JSON.stringify(output.html[0])
      if (!file || file === widget.value) return false
      widget.value = file
      return true
    })
  },
})
