/**
 * Shows what a node found: each claim with its verdict, and every round of a loop. Resting on a claim or a round shows
 * its picture with its boxes; a click on a claim opens what changes it for the next run. What is shown is kept in the
 * workflow, in the node's properties. The graph runs the same without this file.
 */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"
import { startWords } from "./claim_controls.js"
import { editsWidget, oneLine, readChanges } from "./claim_edits.js"
import { claimRow, showWhileOn, unjudgedRows } from "./claim_rows.js"
import { hidePicture, pictureAddress, showPicture } from "./picture_window.js"
import { element, keepShown, scrolled, takeOutputs } from "./shown_widget.js"

const NODES = [
  "XLARDCritique", "XLARDCritiqueFromBoxes", "XLARDGate", "XLARDLoopEnd", "XLARDLoopResult", "XLARDSelfCorrect",
]
const WIDGET = "xlard.card"
const PROPERTY = "xlard.card"
/** The changes to claims with which the card was made. */
const MADE_WITH = "xlard.card.edits"
const OUTPUT = "xlard_card"
/** The front end's own widget for a node's progress text. */
const TEXT_WIDGET = "$$node-text-preview"
const NOTHING_YET = "Run the workflow: the claims and their verdicts will stand here."
const CHANGED = "Changes to claims count from the next run."
/** Notes of which the card shows more than they say. */
const OF_CHANGES = /^(switched off|reworded|changed by hand, but not claimed): /
const HEIGHT = 160
const HEIGHT_IN_NODES_2 = 240
/** A hidden widget takes no room: the canvas adds 4 to each height. */
const NO_ROOM = () => [0, -4]
/** All nodes that have a card. */
const cardNodes = new Set()

/**
 * A picture in ComfyUI's folders.
 * @typedef {{filename: string, subfolder: string, type: string}} PictureFile
 *
 * A claim with its verdict; boxes are x, y, width and height in pixels of the picture. It has an original text where
 * its words were changed.
 * @typedef {{text: string, original?: string, passed: boolean|null, score: number|null, reason: string,
 *   weight?: number, boxes: number[][]}} Claim
 *
 * A judged picture; `size` is the width and height that boxes count in.
 * @typedef {{image: PictureFile, size: number[], claims: Claim[]}} Judged
 *
 * A round of a loop.
 * @typedef {Judged & {number: number, strategy: string, kept: string, nfe: number, reason: string}} Round
 *
 * What the node shows of one picture of its batch; `answer` is what the critic said, as it said it.
 * @typedef {Judged & {summary: string, notes: string[], answer?: string, before?: PictureFile, rounds?: Round[]}} Shown
 */

/** @typedef {import("./claim_controls.js").Editing} Editing */

/** How each round ended: the frame of its picture, and the color of the word for it. */
const ENDED = {
  best: { frame: "#4caf7d", color: "var(--xlard-holds)" },
  kept: { frame: "#7aa7d9", color: "inherit" },
  dropped: { frame: "transparent", color: "inherit" },
}

/**
 * @param {Round} round
 * @param {Shown} shown
 * @returns {HTMLElement} a small picture, framed if the round was kept, above what was done, how it ended and its cost
 */
function roundButton(round, shown) {
  const failed = round.claims.filter(claim => claim.passed !== true).length
  const title = [
    round.number === 0 ? "First picture" : `Round ${round.number}: ${round.strategy}`,
    `${round.kept}, ${failed} of ${round.claims.length} claims fail, ${round.nfe} model calls`,
    round.reason,
  ].filter(Boolean).join("\n")
  const { frame, color } = ENDED[round.kept]
  const thumbnail = element("img", "width:64px;height:64px;object-fit:cover;display:block;margin:0 auto 2px;" +
    `border-radius:5px;border:2px solid ${frame};opacity:${round.kept === "dropped" ? 0.6 : 1}`)
  thumbnail.src = pictureAddress(round.image)
  thumbnail.alt = ""
  // Its file is gone after a restart: the window says so.
  thumbnail.onerror = () => { thumbnail.style.visibility = "hidden" }
  const button = element("button", "border:0;border-radius:5px;padding:0;background:none;cursor:pointer;flex:0 0 auto;" +
    "min-width:68px;color:inherit;font:11px sans-serif;text-align:center", thumbnail,
  element("div", "", round.number === 0 ? "first" : round.strategy),
  element("div", `font-weight:600;color:${color}`, round.kept),
  element("div", "", `${round.nfe} ${round.nfe === 1 ? "call" : "calls"}`))
  button.dataset.round = String(round.number)
  button.setAttribute("aria-label", title)
  showWhileOn(button, () => showPicture(button, { picture: round, title }))
  button.onclick = () => showPicture(button, { picture: round, title, before: shown.before, pinned: true })
  return button
}

/**
 * @param {string} answer of the critic, as it gave it
 * @param {string} place of the picture
 * @param {Set<string>} opened the places whose answers are shown
 * @returns {HTMLElement} it, behind a line that shows and hides it
 */
function answerRow(answer, place, opened) {
  const summary = element("summary", "cursor:pointer;font-size:11px;padding:2px 0", "Show answer")
  summary.title = "What the critic said, as it said it"
  summary.dataset.control = `answer ${place}`
  const text = element("pre", "margin:2px 0 4px;padding:4px 6px;max-height:200px;overflow:auto;white-space:pre-wrap;" +
    "overflow-wrap:anywhere;user-select:text;cursor:text;font:11px monospace;border-radius:4px;" +
    "background:var(--comfy-menu-bg,#222)", answer)
  const row = element("details", "", summary, text)
  row.open = opened.has(place)
  row.ontoggle = () => row.open ? opened.add(place) : opened.delete(place)
  return row
}

/**
 * @param {Shown} shown
 * @param {string} heading
 * @param {Editing} editing
 * @returns {HTMLElement[]} what stands on the card of one picture
 */
function pictureRows(shown, heading, editing) {
  const summary = element("div", "flex:1;font-weight:600;user-select:text", heading + shown.summary)
  const top = element("div", "display:flex;gap:6px;align-items:center;padding:2px 0", summary)
  const rows = [top]
  if (shown.rounds?.length > 1) {
    const compare = element("button", "border:1px solid var(--border-color,#555);border-radius:6px;padding:2px 8px;" +
      "flex:0 0 auto;background:var(--comfy-menu-bg,#222);color:inherit;font:11px sans-serif;cursor:pointer",
    "Before / after")
    compare.onclick = () => showPicture(compare, {
      picture: shown, title: "Before / after", before: shown.before, pinned: true,
    })
    top.append(compare)
    rows.push(element("div", "display:flex;gap:6px;padding:4px 0;overflow-x:auto;align-items:flex-start",
      ...shown.rounds.map(round => roundButton(round, shown))))
  }
  rows.push(...shown.claims.map(claim => claimRow(claim, shown, heading, editing)))
  const notes = shown.notes.filter(note => !editing.widget || !OF_CHANGES.test(note))
  rows.push(...notes.map(note => element("div", "opacity:.75;font-size:11px;user-select:text", note)))
  if (shown.answer) rows.push(answerRow(shown.answer, heading, editing.answers))
  return rows
}

/**
 * @param {string} json what the node put out; other text than that of a card shows nothing
 * @returns {Shown[]}
 */
function readCard(json) {
  try {
    const pictures = JSON.parse(json)
    return Array.isArray(pictures) ? pictures.filter(shown => Array.isArray(shown?.claims)) : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

/**
 * Scroll a list down until the end of one of its parts is seen.
 * @param {HTMLElement} list
 * @param {HTMLElement} part
 */
function scrollTo(list, part) {
  if (part === list) return
  const [whole, seen] = [list, part].map(one => one.getBoundingClientRect())
  const zoom = whole.height / list.offsetHeight || 1
  list.scrollTop += Math.max(0, (seen.bottom - whole.bottom) / zoom + 4)
}

/**
 * Add the card to a node.
 * @param {object} node the LiteGraph node
 * @returns {() => void} draws what the node's properties hold
 */
function addCard(node) {
  const list = element("div", scrolled(HEIGHT_IN_NODES_2) + "padding:4px 8px;border-radius:6px;" +
    "font:12px sans-serif;background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd)")
  list.className = "xlard-card"
  // Otherwise the wheel would zoom the graph, and a mouse that selects text would move the node.
  list.onwheel = event => event.stopPropagation()
  list.onpointerdown = event => event.stopPropagation()
  // Nor shall the graph take the keys that press buttons and choose.
  list.onkeydown = event => { if (event.key === " " || event.key.startsWith("Arrow")) event.stopPropagation() }
  const widget = node.addDOMWidget(WIDGET, WIDGET, list, {
    serialize: false, hideOnZoom: false, margin: 4, getMinHeight: () => HEIGHT,
  })
  // Its value would otherwise shift those of inputs that later versions add.
  widget.serialize = false
  keepShown(node, list)
  const editing = {
    widget: undefined, madeWith: "", open: null, draft: null, clicked: null, taken: new Set(),
    answers: new Set(),
    redraw: control => draw(control),
  }
  // The first of two clicks may have moved the rows: both mean the claim of the first.
  list.addEventListener("click", event => {
    if (event.detail < 2) {
      editing.clicked = null
      return
    }
    if (!editing.clicked) return
    event.stopPropagation()
    startWords(editing.clicked, editing)
  }, true)
  list.ondblclick = event => event.stopPropagation()
  const draw = control => {
    hidePicture()
    editing.widget = editsWidget(node)
    editing.madeWith = node.properties?.[MADE_WITH] ?? ""
    const pictures = readCard(node.properties?.[PROPERTY] ?? "")
    const said = pictures.flatMap(shown => shown.claims).map(claim => claim.text)
    const written = readChanges(editing.widget?.value).map(change => change.words ?? "")
    editing.taken = new Set([...said, ...written].map(text => oneLine(text).toLowerCase()))
    const rows = pictures.flatMap((shown, index) =>
      pictureRows(shown, pictures.length > 1 ? `Picture ${index + 1}: ` : "", editing))
    if (rows.length) rows.push(...unjudgedRows(pictures, editing))
    if (editing.widget && editing.widget.value !== editing.madeWith) {
      rows.unshift(element("div", "font-size:11px;padding:2px 0;color:var(--xlard-unsure)", CHANGED))
    }
    list.replaceChildren(...(rows.length ? rows : [NOTHING_YET]))
    const used = control && [...list.querySelectorAll("[data-control]")].find(one => one.dataset.control === control)
    used?.focus({ preventScroll: true })
    if (used) scrollTo(list, used.parentElement)
  }
  return draw
}

/**
 * @param {string} id of a node in a job: those in subgraphs have the ids of all subgraphs before theirs, with colons
 * @returns {object|undefined} the LiteGraph node
 */
function nodeOfJob(id) {
  let graph = app.rootGraph ?? app.graph
  let node
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(Number(part))
    graph = node?.subgraph
  }
  return node
}

/**
 * Give a node a widget that nobody sees: the front end writes progress text into it, and adds no other one, which would
 * say the same as the card and make the node higher. Newer front ends take it away after each job.
 * @param {object} node the LiteGraph node
 */
function catchText(node) {
  if (node.widgets.some(widget => widget.name === TEXT_WIDGET)) return
  const widget = node.addWidget("text", TEXT_WIDGET, "", null, { serialize: false, canvasOnly: true, hidden: true })
  Object.assign(widget, { serialize: false, hidden: true, computeSize: NO_ROOM })
}

app.registerExtension({
  name: "xlard.card",
  setup() {
    api.addEventListener("progress_text", ({ detail }) => {
      const list = nodeOfJob(detail.nodeId)?.widgets?.find(widget => widget.name === WIDGET)?.element
      // Words that are being written stay.
      if (!list || list.querySelector("textarea")) return
      list.replaceChildren(element("div", "font-weight:600;padding:2px 0", detail.text))
    })
    api.addEventListener("execution_start", () => cardNodes.forEach(catchText))
  },
  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const refresh = addCard(node)
    refresh()
    catchText(node)
    cardNodes.add(node)
    const onRemoved = node.onRemoved
    node.onRemoved = function () {
      cardNodes.delete(node)
      return onRemoved?.apply(this, arguments)
    }
    const onConfigure = node.onConfigure
    node.onConfigure = function () {
      onConfigure?.apply(this, arguments)
      refresh()
    }
    const onGraphConfigured = node.onGraphConfigured
    // Only then the start of a loop has its values.
    node.onGraphConfigured = function () {
      onGraphConfigured?.apply(this, arguments)
      refresh()
    }
    takeOutputs(node, (output, isKept) => {
      const card = output[OUTPUT]?.[0]
      if (!card || (isKept && card === node.properties[PROPERTY])) return false
      node.properties[PROPERTY] = card
      node.properties[MADE_WITH] = editsWidget(node)?.value ?? ""
      refresh()
      return true
    })
  },
})
