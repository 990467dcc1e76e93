/**
 * Changes to single claims: switched off, fine as they are, weighed. They stand in an input of the node, one a line, are
 * saved with the workflow, and count from the next run. A click on a claim of the card writes them.
 */
import { app } from "../../scripts/app.js"

export const INPUT = "claim_edits"
const NODES = ["XLARDCritique", "XLARDCritiqueFromBoxes", "XLARDGate", "XLARDLoopStart", "XLARDSelfCorrect"]
/** Inputs that bring claims, or verdicts on them, from another node. */
const FROM = ["critique", "flow", "claims"]
const LINE = /^(off|fine|weight\s+(\S+))\s*:\s*(.+)$/i
const WEIGHTS = [0.5, 1, 2, 4]
/** A hidden widget takes no room: the canvas adds 4 to each height. */
const NO_ROOM = () => [0, -4]

/**
 * What was changed of a claim; `weight` is null where it is not changed.
 * @typedef {{text: string, off: boolean, fine: boolean, weight: number|null}} Change
 */

/** @param {string} text @returns {string} it without line breaks and double spaces */
export const oneLine = text => text.trim().split(/\s+/).join(" ")

/**
 * @param {object} node the LiteGraph node that shows claims
 * @returns {object|undefined} the widget that holds changes to them: of the node that its claims come from, such as a
 *   loop's start, or its own
 */
export function editsWidget(node) {
  for (const name of FROM) {
    const slot = node.inputs?.findIndex(input => input.name === name) ?? -1
    const origin = slot < 0 || !node.graph ? null : node.getInputNode(slot)
    if (NODES.includes(origin?.comfyClass)) return editsWidget(origin)
  }
  return node.widgets?.find(widget => widget.name === INPUT)
}

/**
 * @param {object} widget
 * @returns {Change[]} what its lines say; of lines that say nothing the server speaks
 */
export function readChanges(widget) {
  const changes = new Map()
  for (const line of String(widget?.value ?? "").split("\n").map(oneLine)) {
    const [, what, weight, text] = line.match(LINE) ?? []
    if (!text) continue
    const change = changes.get(text) ?? { text, off: false, fine: false, weight: null }
    if (weight !== undefined) change.weight = Number(weight)
    else change[what.toLowerCase()] = true
    changes.set(text, change)
  }
  return [...changes.values()]
}

/**
 * @param {object} widget
 * @param {string} text of a claim
 * @returns {Change} what the widget says of it
 */
export const changeOf = (widget, text) => readChanges(widget).find(change => change.text === oneLine(text))
  ?? { text: oneLine(text), off: false, fine: false, weight: null }

/**
 * Write what was changed of a claim in the place of what the widget said of it.
 * @param {object} widget
 * @param {Change} changed
 */
function write(widget, changed) {
  const others = readChanges(widget).filter(change => change.text !== changed.text)
  const lines = [...others, changed].flatMap(({ text, off, fine, weight }) => [
    ...(weight === null ? [] : [`weight ${weight}: ${text}`]),
    ...(fine ? [`fine: ${text}`] : []),
    ...(off ? [`off: ${text}`] : []),
  ])
  widget.value = lines.join("\n")
  widget.callback?.(widget.value)
  app.graph.setDirtyCanvas(true, true)
}

/**
 * @param {string} name what tells it from the other controls
 * @param {string} text
 * @param {string} title
 * @param {boolean} pressed
 * @returns {HTMLButtonElement}
 */
function toggle(name, text, title, pressed) {
  const button = document.createElement("button")
  button.textContent = text
  button.title = title
  button.dataset.control = name
  button.setAttribute("aria-pressed", String(pressed))
  button.style.cssText = "border:1px solid var(--border-color,#555);border-radius:6px;padding:2px 8px;" +
    `font:11px sans-serif;cursor:pointer;color:inherit;background:${pressed ? "#3a6ea5" : "var(--comfy-menu-bg,#222)"}` +
    (pressed ? ";color:#fff" : "")
  return button
}

/**
 * @param {number} weight
 * @returns {HTMLSelectElement} weights to choose from, among them this one
 */
function weightChoice(weight) {
  const choice = document.createElement("select")
  choice.dataset.control = "weight"
  choice.setAttribute("aria-label", "Weight")
  choice.title = "How much the claim counts in the score"
  choice.style.cssText = "border:1px solid var(--border-color,#555);border-radius:6px;padding:1px 4px;" +
    "font:11px sans-serif;cursor:pointer;color:inherit;background:var(--comfy-menu-bg,#222)"
  for (const value of [...new Set([...WEIGHTS, weight])].sort((one, other) => one - other)) {
    const option = new Option(`weight ${value}`, String(value), false, value === weight)
    option.style.cssText = "color:var(--input-text,#ddd);background:var(--comfy-menu-bg,#222)"
    choice.append(option)
  }
  return choice
}

/**
 * @param {object} widget
 * @param {string} text of a claim
 * @param {number} weight with which it was judged
 * @param {(control: string) => void} changed called after each change with the name of what was used
 * @returns {HTMLElement} a line of controls that change the claim
 */
export function claimControls(widget, text, weight, changed) {
  const now = changeOf(widget, text)
  const off = toggle("off", now.off ? "Switch on" : "Switch off", "Whether the next run checks this claim", now.off)
  const fine = toggle("fine", "Fine as it is", "Counts as held from the next run on, and nothing is done about it", now.fine)
  const weigh = weightChoice(now.weight ?? weight)
  const use = (control, change) => {
    write(widget, { ...changeOf(widget, text), ...change })
    changed(control)
  }
  off.onclick = () => use("off", { off: !now.off })
  fine.onclick = () => use("fine", { fine: !now.fine })
  weigh.onchange = () => use("weight", { weight: Number(weigh.value) })
  const line = document.createElement("div")
  line.style.cssText = "display:flex;flex-wrap:wrap;gap:4px;padding:2px 0 4px 20px"
  line.append(off, fine, weigh)
  return line
}

app.registerExtension({
  name: "xlard.claim_edits",
  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const widget = node.widgets?.find(candidate => candidate.name === INPUT)
    if (!widget) return
    // The card stands for it: a line of text would only show the first change.
    widget.hidden = true
    widget.computeSize = NO_ROOM
    widget.options.canvasOnly = true
  },
})
