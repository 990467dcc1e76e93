/** What a claim on a card is changed with: a line of controls, and a field for other words. */
import { ARROW, changeClaim, changeOf, oneLine } from "./claim_edits.js"

const WEIGHTS = [0.5, 1, 2, 4]
const BORDER = "border:1px solid var(--border-color,#555);border-radius:6px;"
const EMPTY = "A claim needs words. To leave it out, switch it off."
const TAKEN = "There already is a claim with these words."
const NO_ARROW = `The words cannot have an arrow "${ARROW.trim()}" in them.`

/**
 * What a card knows while claims are changed: the widget that holds changes, and its value when the claims were judged;
 * the row whose controls are open; the row whose words are being changed, with the text so far; the row that was clicked
 * last; words that other claims cannot have; pictures whose answers are shown; and what draws the card again, with the
 * keyboard on one of its controls.
 * @typedef {{widget?: object, madeWith: string, open: string|null, draft: {row: string, text: string}|null,
 *   clicked: Row|null, taken: Set<string>, answers: Set<string>, redraw: (control?: string) => void}} Editing
 *
 * A claim as its row shows it: the row's name, the text that the prompt gives the claim, its words now, the weight with
 * which it was judged.
 * @typedef {{name: string, claim: string, words: string, weight: number}} Row
 */

/**
 * @param {string} name what tells it from the other controls
 * @param {string} text
 * @param {string} title
 * @param {() => void} press
 * @returns {HTMLButtonElement}
 */
function button(name, text, title, press) {
  const made = document.createElement("button")
  made.textContent = text
  made.title = title
  made.dataset.control = name
  made.style.cssText = `${BORDER}padding:2px 8px;font:11px sans-serif;cursor:pointer;color:inherit;` +
    "background:var(--comfy-menu-bg,#222)"
  made.onclick = press
  return made
}

/**
 * @param {HTMLButtonElement} made
 * @param {boolean} pressed
 * @returns {HTMLButtonElement} it, as one that is or is not pressed
 */
function toggle(made, pressed) {
  made.setAttribute("aria-pressed", String(pressed))
  if (pressed) Object.assign(made.style, { background: "#3a6ea5", color: "#fff" })
  return made
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
  choice.style.cssText = `${BORDER}padding:1px 4px;font:11px sans-serif;cursor:pointer;color:inherit;` +
    "background:var(--comfy-menu-bg,#222)"
  for (const value of [...new Set([...WEIGHTS, weight])].sort((one, other) => one - other)) {
    const option = new Option(`weight ${value}`, String(value), false, value === weight)
    option.style.cssText = "color:var(--input-text,#ddd);background:var(--comfy-menu-bg,#222)"
    choice.append(option)
  }
  return choice
}

/**
 * @param {...HTMLElement} controls
 * @returns {HTMLElement} a line of them, below the text of a claim
 */
function line(...controls) {
  const made = document.createElement("div")
  made.style.cssText = "display:flex;flex-wrap:wrap;gap:4px;padding:2px 0 4px 20px"
  made.append(...controls)
  return made
}

/**
 * Open the field for other words of a claim.
 * @param {Row} row
 * @param {Editing} editing
 */
export function startWords(row, editing) {
  if (row.claim.includes(ARROW)) return
  editing.open = row.name
  editing.draft = { row: row.name, text: row.words }
  editing.redraw("words")
}

/**
 * @param {Row} row
 * @param {Editing} editing
 * @returns {HTMLElement} a line of controls that change the claim
 */
export function claimControls(row, editing) {
  const now = changeOf(editing.widget.value, row.claim)
  const use = (control, change) => {
    changeClaim(editing.widget, row.claim, change)
    editing.redraw(control)
  }
  const weigh = weightChoice(now.weight ?? row.weight)
  weigh.onchange = () => use("weight", { weight: Number(weigh.value) })
  const controls = line(
    toggle(button("off", now.off ? "Switch on" : "Switch off", "Whether the next run checks this claim",
      () => use("off", { off: !now.off })), now.off),
    toggle(button("fine", "Fine as it is", "Counts as held from the next run on, and nothing is done about it",
      () => use("fine", { fine: !now.fine })), now.fine),
    weigh,
  )
  if (!row.claim.includes(ARROW)) {
    controls.append(button("edit", "Edit words", "A double click on the claim does the same", () => startWords(row, editing)))
  }
  if (now.words !== null) {
    controls.append(button("original", "Prompt's words", `Back to: ${row.claim}`, () => use(row.name, { words: null })))
  }
  return controls
}

/**
 * @param {Row} row
 * @param {Editing} editing
 * @returns {HTMLElement} a field for other words of the claim. Enter uses them, Escape leaves those that there are
 */
export function wordsField(row, editing) {
  const field = document.createElement("textarea")
  field.value = editing.draft.text
  field.setSelectionRange(field.value.length, field.value.length)
  field.rows = 2
  field.dataset.control = "words"
  field.setAttribute("aria-label", "Words of the claim")
  field.style.cssText = `${BORDER}flex:1 1 100%;min-width:0;box-sizing:border-box;padding:2px 6px;resize:vertical;` +
    "font:12px sans-serif;color:var(--input-text,#ddd);background:var(--comfy-menu-bg,#222)"
  const refused = document.createElement("div")
  refused.setAttribute("role", "alert")
  refused.style.cssText = "flex:1 1 100%;font-size:11px"
  const leave = () => {
    editing.draft = null
    editing.redraw(row.name)
  }
  const use = () => {
    const words = oneLine(field.value)
    const same = words.toLowerCase() === oneLine(row.words).toLowerCase()
    refused.textContent = !words ? EMPTY : words.includes(ARROW) ? NO_ARROW
      : !same && editing.taken.has(words.toLowerCase()) ? TAKEN : ""
    if (refused.textContent) return field.focus()
    if (words !== oneLine(row.words)) {
      changeClaim(editing.widget, row.claim, { words: words === oneLine(row.claim) ? null : words })
    }
    leave()
  }
  field.oninput = () => { editing.draft.text = field.value }
  // The graph has shortcuts of its own.
  field.onkeydown = event => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation()
    if (event.key === "Escape") leave()
    if (event.key !== "Enter" || event.ctrlKey || event.isComposing) return
    event.preventDefault()
    use()
  }
  return line(field, refused,
    button("use", "Use these words", "The next run checks the claim with them", use),
    button("leave", "Cancel", "Leaves the words that there were", leave))
}
