/**
 * Changes to single claims: other words, switched off, fine as they are, weighed. They stand in an input of the node, one
 * a line, are saved with the workflow, and count from the next run. A click on a claim of the card writes them.
 */
import { app } from "../../scripts/app.js"

export const INPUT = "claim_edits"
const NODES = ["XLARDCritique", "XLARDCritiqueFromBoxes", "XLARDGate", "XLARDLoopStart", "XLARDSelfCorrect"]
/** Inputs that bring claims, or verdicts on them, from another node. */
const FROM = ["critique", "flow", "claims"]
const LINE = /^(off|fine|reword|weight\s+(\S+))\s*:\s*(.+)$/i
/** Stands between the old words of a claim and its new ones. */
export const ARROW = " -> "
const WEIGHTS = [0.5, 1, 2, 4]
/** A hidden widget takes no room: the canvas adds 4 to each height. */
const NO_ROOM = () => [0, -4]

/**
 * What was changed of a claim, by the text that the prompt gives it; `weight` and `words` are null where they are not
 * changed.
 * @typedef {{text: string, off: boolean, fine: boolean, weight: number|null, words: string|null}} Change
 */

/** @param {string} text @returns {Change} */
const unchanged = text => ({ text, off: false, fine: false, weight: null, words: null })

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
 * @param {string} lines the value of an input for changes
 * @returns {Change[]} what they say; of lines that say nothing the server speaks
 */
export function readChanges(lines) {
  const changes = new Map()
  for (const line of String(lines ?? "").split("\n").map(oneLine)) {
    const [, what, weight, claim] = line.match(LINE) ?? []
    if (!claim) continue
    const [named, ...words] = what.toLowerCase() === "reword" ? claim.split(ARROW) : [claim]
    // A line by hand may name a claim by its new words.
    const text = [...changes.values()].find(change => change.words === named)?.text ?? named
    const change = changes.get(text) ?? unchanged(text)
    if (weight !== undefined) change.weight = Number(weight)
    else if (words.length) change.words = words.join(ARROW)
    else change[what.toLowerCase()] = true
    changes.set(text, change)
  }
  return [...changes.values()]
}

/**
 * @param {string} lines the value of an input for changes
 * @param {string} text that the prompt gives a claim
 * @returns {Change} what they say of it
 */
export const changeOf = (lines, text) => readChanges(lines).find(change => change.text === oneLine(text))
  ?? unchanged(oneLine(text))

/**
 * Change a claim. It can be undone as any change of the graph.
 * @param {object} widget
 * @param {string} claim the text that the prompt gives it
 * @param {Partial<Change>} change what becomes different
 */
export function changeClaim(widget, claim, change) {
  const changed = { ...changeOf(widget.value, claim), ...change }
  const others = readChanges(widget.value).filter(other => other.text !== changed.text)
  const lines = [...others, changed].flatMap(({ text, off, fine, weight, words }) => [
    ...(words === null ? [] : [`reword: ${text}${ARROW}${words}`]),
    ...(weight === null ? [] : [`weight ${weight}: ${text}`]),
    ...(fine ? [`fine: ${text}`] : []),
    ...(off ? [`off: ${text}`] : []),
  ])
  app.canvas.emitBeforeChange()
  widget.value = lines.join("\n")
  widget.callback?.(widget.value)
  app.canvas.setDirty(true, true)
  app.canvas.emitAfterChange()
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
