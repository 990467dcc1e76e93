/**
 * Shows what a node found: each claim with its verdict, and every round of a loop. Resting on a claim or a round shows
 * its picture with its boxes. What is shown is kept in the workflow, in the node's properties. The graph runs the same
 * without this file.
 */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"
import { hidePicture, isPinned, pictureAddress, showPicture } from "./picture_window.js"

const NODES = ["XLARDCritique", "XLARDCritiqueFromBoxes", "XLARDSelfCorrect", "XLARDLoopEnd", "XLARDLoopResult"]
const WIDGET = "xlard.card"
const PROPERTY = "xlard.card"
const OUTPUT = "xlard_card"
const PROGRESS = "xlard.progress"
const NOTHING_YET = "Run the workflow: the claims and their verdicts will stand here."
const HEIGHT = 160
const MARKS = new Map([
  [true, { sign: "\u2713", word: "holds", color: "var(--xlard-holds,#4caf7d)" }],
  [false, { sign: "\u2717", word: "does not hold", color: "var(--xlard-fails,#f0737f)" }],
  [null, { sign: "?", word: "no verdict", color: "var(--xlard-unsure,#d9b35b)" }],
])

/**
 * A picture in ComfyUI's folders.
 * @typedef {{filename: string, subfolder: string, type: string}} PictureFile
 *
 * A claim with its verdict; boxes are x, y, width and height in pixels of the picture.
 * @typedef {{text: string, passed: boolean|null, score: number|null, reason: string, boxes: number[][]}} Claim
 *
 * A judged picture; `size` is the width and height that boxes count in.
 * @typedef {{image: PictureFile, size: number[], claims: Claim[]}} Judged
 *
 * A round of a loop.
 * @typedef {Judged & {number: number, strategy: string, kept: string, nfe: number, reason: string}} Round
 *
 * What the node shows of one picture of its batch.
 * @typedef {Judged & {summary: string, notes: string[], before?: PictureFile, rounds?: Round[]}} Shown
 */

/**
 * @param {string} tag
 * @param {string} style
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
function element(tag, style, ...children) {
  const made = document.createElement(tag)
  made.style.cssText = style
  made.append(...children)
  return made
}

/**
 * Show a picture while the mouse or the keyboard rests on an element.
 * @param {HTMLElement} target
 * @param {() => void} show
 */
function showWhileOn(target, show) {
  target.tabIndex = 0
  target.onmouseenter = target.onfocus = () => isPinned() || show()
  target.onmouseleave = target.onblur = () => isPinned() || hidePicture()
}

/**
 * @param {Claim} claim
 * @param {Judged} picture the one that was judged
 * @returns {HTMLElement} a row: mark, text, reason
 */
function claimRow(claim, picture) {
  const { sign, word, color } = MARKS.get(claim.passed) ?? MARKS.get(null)
  const mark = element("span", `flex:0 0 16px;font-weight:bold;color:${color}`, sign)
  mark.setAttribute("aria-label", word)
  const text = element("div", "flex:1;min-width:0;overflow-wrap:anywhere", claim.text)
  if (claim.reason) text.append(element("div", "opacity:.7;font-size:11px", claim.reason))
  const row = element("div", "display:flex;gap:4px;padding:2px 0;user-select:text;cursor:text", mark, text)
  row.dataset.passed = String(claim.passed)
  showWhileOn(row, () => showPicture(row, { picture, claim, color }))
  return row
}

/**
 * @param {Round} round
 * @param {Shown} shown
 * @returns {HTMLElement} a small picture, framed if the round was kept
 */
function roundButton(round, shown) {
  const failed = round.claims.filter(claim => claim.passed !== true).length
  const title = [
    round.number === 0 ? "First picture" : `Round ${round.number}: ${round.strategy}`,
    `${round.kept}, ${failed} of ${round.claims.length} claims fail, ${round.nfe} model calls`,
    round.reason,
  ].filter(Boolean).join("\n")
  const thumbnail = element("img", "width:44px;height:44px;object-fit:cover;display:block;border-radius:3px")
  thumbnail.src = pictureAddress(round.image)
  thumbnail.alt = title
  const frame = { best: "2px solid #4caf7d", kept: "2px solid #7aa7d9", dropped: "2px solid transparent" }[round.kept]
  const button = element("button", `border:${frame};border-radius:5px;padding:0;background:none;cursor:pointer;` +
    `flex:0 0 auto;opacity:${round.kept === "dropped" ? 0.6 : 1}`, thumbnail)
  button.dataset.round = String(round.number)
  showWhileOn(button, () => showPicture(button, { picture: round, title }))
  button.onclick = () => showPicture(button, { picture: round, title, before: shown.before, pinned: true })
  return button
}

/**
 * @param {Shown} shown
 * @param {string} heading
 * @returns {HTMLElement[]} what stands on the card of one picture
 */
function pictureRows(shown, heading) {
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
    rows.push(element("div", "display:flex;gap:4px;padding:4px 0;overflow-x:auto",
      ...shown.rounds.map(round => roundButton(round, shown))))
  }
  rows.push(...shown.claims.map(claim => claimRow(claim, shown)))
  rows.push(...shown.notes.map(note => element("div", "opacity:.7;font-size:11px;user-select:text", note)))
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
 * Add the card to a node.
 * @param {object} node the LiteGraph node
 * @returns {() => void} draws what the node's properties hold
 */
function addCard(node) {
  const list = element("div", "width:100%;height:100%;box-sizing:border-box;overflow:auto;padding:4px 8px;" +
    "border-radius:6px;font:12px sans-serif;background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd)")
  list.className = "xlard-card"
  // Otherwise the wheel would zoom the graph, and a mouse that selects text would move the node.
  list.onwheel = event => event.stopPropagation()
  list.onpointerdown = event => event.stopPropagation()
  const widget = node.addDOMWidget(WIDGET, WIDGET, list, {
    serialize: false, hideOnZoom: false, margin: 4, getMinHeight: () => HEIGHT,
  })
  // Its value would otherwise shift those of inputs that later versions add.
  widget.serialize = false
  return () => {
    const pictures = readCard(node.properties?.[PROPERTY] ?? "")
    const rows = pictures.flatMap((shown, index) =>
      pictureRows(shown, pictures.length > 1 ? `Picture ${index + 1}: ` : ""))
    list.replaceChildren(...(rows.length ? rows : [NOTHING_YET]))
  }
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

app.registerExtension({
  name: "xlard.card",
  setup() {
    api.addEventListener(PROGRESS, ({ detail }) => {
      const list = nodeOfJob(detail.node)?.widgets?.find(widget => widget.name === WIDGET)?.element
      list?.replaceChildren(element("div", "font-weight:600;padding:2px 0", detail.text))
    })
  },
  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const refresh = addCard(node)
    refresh()
    const onConfigure = node.onConfigure
    node.onConfigure = function () {
      onConfigure?.apply(this, arguments)
      refresh()
    }
    const onExecuted = node.onExecuted
    node.onExecuted = function (output) {
      onExecuted?.apply(this, arguments)
      const card = output?.[OUTPUT]?.[0]
      if (!card) return
      this.properties[PROPERTY] = card
      refresh()
    }
  },
})
