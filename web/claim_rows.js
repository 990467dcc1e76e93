/** The claims on a card: each with its verdict, and with what changes it for the next run. */
import { claimControls, startWords, wordsField } from "./claim_controls.js"
import { changeOf, oneLine, readChanges } from "./claim_edits.js"
import { hidePicture, isPinned, showPicture } from "./picture_window.js"
import { element } from "./shown_widget.js"

const MARKS = new Map([
  [true, { sign: "\u2713", word: "holds", color: "var(--xlard-holds)" }],
  [false, { sign: "\u2717", word: "does not hold", color: "var(--xlard-fails)" }],
  [null, { sign: "?", word: "no verdict", color: "var(--xlard-unsure)" }],
])

const NOT_JUDGED = { sign: "\u2013", word: "not judged yet", color: "inherit" }

/** @typedef {import("./claim_controls.js").Editing} Editing */
/** @typedef {import("./claim_controls.js").Row} Row */
/** @typedef {import("./result_card.js").Claim} Claim */
/** @typedef {import("./result_card.js").Judged} Judged */
/** @typedef {import("./result_card.js").Shown} Shown */

/**
 * Show a picture while the mouse or the keyboard rests on an element.
 * @param {HTMLElement} target
 * @param {() => void} show
 */
export function showWhileOn(target, show) {
  target.tabIndex = 0
  target.onmouseenter = target.onfocus = () => isPinned() || show()
  target.onmouseleave = target.onblur = () => isPinned() || hidePicture()
}

/**
 * @param {Row} row
 * @param {Editing} editing
 * @returns {string[]} what stands behind a claim that is not as the prompt has it
 */
function marksOf(row, editing) {
  const change = changeOf(editing.widget?.value, row.claim)
  const weighs = change.weight ?? row.weight
  return [
    change.off ? "off" : "", change.fine ? "fine as it is" : "", change.words === null ? "" : "edited",
    weighs === 1 ? "" : `\u00d7 ${weighs}`,
  ].filter(Boolean)
}

/**
 * Let a click, Enter or Space on a claim open what changes it, and a double click a field for its words.
 * @param {HTMLElement} shown the claim on the card
 * @param {Row} row
 * @param {Editing} editing
 * @returns {HTMLElement} it with its controls, if they are open
 */
function withControls(shown, row, editing) {
  if (!editing.widget) return shown
  const isOpen = editing.open === row.name
  shown.tabIndex = 0
  shown.dataset.control = row.name
  shown.setAttribute("role", "button")
  shown.setAttribute("aria-expanded", String(isOpen))
  shown.style.cursor = "pointer"
  const turn = () => {
    editing.open = isOpen ? null : row.name
    editing.draft = null
    editing.redraw(row.name)
  }
  shown.onclick = () => {
    editing.clicked = row
    // Text that is being selected is no click.
    if (!window.getSelection()?.toString()) turn()
  }
  shown.onkeydown = event => {
    if (event.target !== shown || !["Enter", " "].includes(event.key)) return
    event.preventDefault()
    turn()
  }
  if (!isOpen) return shown
  const controls = editing.draft?.row === row.name ? wordsField(row, editing) : claimControls(row, editing)
  return element("div", "", shown, controls)
}

/**
 * @param {string} claim the text that the prompt gives a claim
 * @param {string} words with which it was judged
 * @param {Editing} editing
 * @returns {string|null} the words with which the next run judges it, where they are others
 */
function nextWords(claim, words, editing) {
  const next = changeOf(editing.widget?.value, claim).words
  if (!editing.widget || next === changeOf(editing.madeWith, claim).words) return null
  return next ?? (claim === words ? null : claim)
}

/**
 * @param {Claim} claim
 * @param {Judged} picture the one that was judged
 * @param {string} place of the picture
 * @param {Editing} editing
 * @returns {HTMLElement} a row: mark, text, reason
 */
export function claimRow(claim, picture, place, editing) {
  const original = claim.original ?? claim.text
  const next = nextWords(original, claim.text, editing)
  const { sign, word, color } = next === null ? MARKS.get(claim.passed) ?? MARKS.get(null) : NOT_JUDGED
  const row = { name: `claim ${place} ${original}`, claim: original, words: next ?? claim.text, weight: claim.weight ?? 1 }
  const mark = element("span", `flex:0 0 16px;font-weight:bold;color:${color}`, sign)
  mark.setAttribute("aria-label", word)
  const marks = marksOf(row, editing)
  const line = element("span", marks.includes("off") ? "opacity:.75;text-decoration:line-through" : "", row.words)
  const text = element("div", "flex:1;min-width:0;overflow-wrap:anywhere", line)
  text.append(...marks.map(said => element("span", "margin-left:6px;padding:0 5px;border-radius:6px;font-size:11px;" +
    "border:1px solid var(--border-color,#555);white-space:nowrap", said)))
  const reason = next === null ? claim.reason : `Not judged yet. Until now: ${claim.text}`
  if (reason) text.append(element("div", "opacity:.75;font-size:11px", reason))
  const shown = element("div", "display:flex;gap:4px;padding:2px 0;user-select:text;cursor:text", mark, text)
  shown.dataset.passed = String(next === null ? claim.passed : null)
  if (next === null) showWhileOn(shown, () => showPicture(shown, { picture, claim, color }))
  return withControls(shown, row, editing)
}

/**
 * @param {Shown[]} pictures
 * @param {Editing} editing
 * @returns {HTMLElement[]} a row for each changed claim that was not judged: one that is off, or is claimed no more
 */
export function unjudgedRows(pictures, editing) {
  const claims = pictures.flatMap(shown => shown.claims)
  const judged = new Set(claims.map(claim => oneLine(claim.original ?? claim.text)))
  return readChanges(editing.widget?.value).filter(change => !judged.has(change.text)).map(change => {
    const row = { name: `claim none ${change.text}`, claim: change.text, words: change.words ?? change.text, weight: 1 }
    const mark = element("span", "flex:0 0 16px;font-weight:bold;opacity:.75", NOT_JUDGED.sign)
    const text = element("div", "flex:1;min-width:0;overflow-wrap:anywhere;opacity:.75", row.words)
    text.append(element("div", "font-size:11px", change.off ? "Switched off." : "The prompt claims this no more."))
    const shown = element("div", "display:flex;gap:4px;padding:2px 0", mark, text)
    shown.dataset.unjudged = change.text
    return withControls(shown, row, editing)
  })
}
