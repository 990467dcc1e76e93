/**
 * Shows the page that xLARD Report wrote. ComfyUI's /view hands HTML out as a download only, so the page is opened
 * here, in a frame that may run no script. The graph runs the same without this file.
 */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"

const WIDGET = "xlard.page"
const GONE = "The page is no longer in the output folder. Run the workflow again."

/** Address of an output file; `file` has filename, subfolder and type as a node's outputs state them. */
function viewAddress(file) {
  const query = new URLSearchParams({ filename: file.filename, subfolder: file.subfolder, type: file.type })
  return `/view?${query}`
}

/** Show the page over the graph until it is closed. Throws an Error that names the cause if it cannot be had. */
async function showPage(file) {
  const answer = await api.fetchApi(viewAddress(file))
  if (!answer.ok) throw new Error(answer.status === 404 ? GONE : `ComfyUI answered ${answer.status} for the page.`)
  const frame = document.createElement("iframe")
  frame.title = file.filename
  // An empty sandbox: no script, no forms, no access to ComfyUI's page.
  frame.setAttribute("sandbox", "")
  frame.srcdoc = await answer.text()
  frame.style.cssText = "flex:1;border:0;width:100%"

  const close = document.createElement("button")
  close.textContent = "Close"
  const save = document.createElement("a")
  save.textContent = "Save page"
  save.href = api.apiURL(viewAddress(file))
  save.download = file.filename
  save.style.color = "inherit"
  const bar = document.createElement("div")
  bar.style.cssText = "display:flex;gap:1rem;justify-content:space-between;padding:.5rem 1rem"
  bar.append(save, close)

  const dialog = document.createElement("dialog")
  dialog.setAttribute("aria-label", "xLARD report")
  dialog.style.cssText = "width:min(75rem,96vw);height:94vh;max-width:none;max-height:none;padding:0;border:0;" +
    "border-radius:8px;overflow:hidden;margin:auto;background:var(--comfy-menu-bg,#222);color:var(--input-text,#ddd)"
  const column = document.createElement("div")
  column.style.cssText = "display:flex;flex-direction:column;height:100%"
  column.append(bar, frame)
  dialog.append(column)
  close.onclick = () => dialog.close()
  dialog.onclose = () => dialog.remove()
  // Otherwise the graph's shortcuts would act on nodes behind the dialog.
  dialog.onkeydown = event => event.stopPropagation()
  document.body.append(dialog)
  dialog.showModal()
}

/** A button whose widget value is the JSON of the last page's file, so that a saved workflow finds it again. */
function addPageWidget(node) {
  let value = ""
  const button = document.createElement("button")
  button.style.cssText = "width:100%;height:100%;border:1px solid var(--border-color,#555);border-radius:6px;" +
    "background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd);font:12px sans-serif;cursor:pointer"
  const refresh = () => {
    button.disabled = !value
    button.textContent = value ? "Open report" : "No report yet"
  }
  button.onclick = async () => {
    try {
      await showPage(JSON.parse(value))
    } catch (error) {
      button.textContent = error.message
    }
  }
  const widget = node.addDOMWidget(WIDGET, "xlard.page", button, {
    // Kept in the workflow, but no input of the node.
    serialize: false,
    hideOnZoom: false,
    getValue: () => value,
    setValue: next => {
      value = typeof next === "string" ? next : ""
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
    if (node.comfyClass !== "XLARDReport") return
    const widget = addPageWidget(node)
    const onExecuted = node.onExecuted
    node.onExecuted = function (message) {
      onExecuted?.apply(this, arguments)
      const file = message?.html?.[0]
      if (file) widget.value = JSON.stringify(file)
    }
  },
})
