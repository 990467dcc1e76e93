/**
 * A small window over the graph that shows a judged picture: with the boxes of a claim, or beside an earlier version,
 * with a slider between the two. It is as large at every zoom of the graph.
 */
import { api } from "../../scripts/api.js"
import { element } from "./shown_widget.js"

const SIDE = 420
const GONE = "The picture is no longer in ComfyUI's temporary folder. Run the workflow again."

let shownWindow = null
let pinned = false

/** @returns {boolean} whether a picture is shown until it is closed */
export const isPinned = () => pinned

/**
 * @param {{filename: string, subfolder: string, type: string}} file
 * @returns {string} its address
 */
export function pictureAddress(file) {
  return api.apiURL(`/view?${new URLSearchParams({ filename: file.filename, subfolder: file.subfolder, type: file.type })}`)
}

/** Close the window, if it is open. */
export function hidePicture() {
  shownWindow?.remove()
  shownWindow = null
  pinned = false
  document.removeEventListener("keydown", closeOnEscape, true)
  document.removeEventListener("pointerdown", closeOutside, true)
}

/** @param {KeyboardEvent} event */
function closeOnEscape(event) {
  if (event.key !== "Escape") return
  event.stopPropagation()
  hidePicture()
}

/** @param {PointerEvent} event */
function closeOutside(event) {
  if (!shownWindow?.contains(event.target)) hidePicture()
}

/**
 * @param {string} address
 * @param {string} alt
 * @returns {HTMLImageElement} a picture that fills its parent
 */
function fullImage(address, alt) {
  const image = document.createElement("img")
  image.src = address
  image.alt = alt
  image.draggable = false
  image.style.cssText = "position:absolute;inset:0;width:100%;height:100%;object-fit:fill;border-radius:6px"
  image.onerror = () => image.replaceWith(GONE)
  return image
}

/**
 * @param {{size: number[]}} picture
 * @param {{boxes: number[][]}} claim
 * @param {string} color
 * @returns {HTMLElement[]} frames around the claim's boxes
 */
function boxFrames(picture, claim, color) {
  const [width, height] = picture.size
  return claim.boxes.map(([x, y, w, h]) => {
    const frame = document.createElement("div")
    frame.className = "xlard-box"
    frame.style.cssText = `position:absolute;box-sizing:border-box;border:3px solid ${color};border-radius:4px;` +
      `box-shadow:0 0 0 1px #000;left:${100 * x / width}%;top:${100 * y / height}%;` +
      `width:${100 * w / width}%;height:${100 * h / height}%`
    return frame
  })
}

/** @returns {HTMLElement} the line between two pictures */
function sideLine() {
  return element("div",
    "position:absolute;top:0;bottom:0;width:2px;margin-left:-1px;background:#fff;box-shadow:0 0 2px #000")
}

/** @returns {HTMLElement} which picture is on which side */
function sideNames() {
  return element("div", "display:flex;justify-content:space-between",
    element("span", "", "before"), element("span", "", "after"))
}

/**
 * @param {HTMLImageElement} before the earlier picture, on top of the later one
 * @param {HTMLElement} line where it ends
 * @returns {HTMLInputElement} how much of the earlier picture is seen, from the left
 */
function slider(before, line) {
  const range = document.createElement("input")
  range.type = "range"
  range.min = "0"
  range.max = "100"
  range.value = "50"
  range.title = "Left: before. Right: after."
  range.setAttribute("aria-label", "How much of the picture before is seen")
  range.style.cssText = "width:100%;margin:6px 0 0"
  range.oninput = () => {
    before.style.clipPath = `inset(0 ${100 - Number(range.value)}% 0 0)`
    line.style.left = `${range.value}%`
  }
  range.oninput()
  return range
}

/**
 * @param {HTMLElement} box the window
 * @param {DOMRect} beside what it must not cover
 */
function place(box, beside) {
  const { width, height } = box.getBoundingClientRect()
  const right = beside.right + 12
  const left = right + width < window.innerWidth ? right : Math.max(8, beside.left - width - 12)
  box.style.left = `${left}px`
  box.style.top = `${Math.max(8, Math.min(beside.top, window.innerHeight - height - 8))}px`
}

/**
 * Show a picture beside an element.
 * @param {HTMLElement} beside
 * @param {object} what
 * @param {{image: object, size: number[]}} what.picture
 * @param {string} [what.title]
 * @param {{text: string, boxes: number[][]}} [what.claim] whose boxes are framed
 * @param {string} [what.color] of the frames
 * @param {object} [what.before] file of the earlier picture
 * @param {boolean} [what.pinned] it stays until it is closed
 */
export function showPicture(beside, { picture, title = "", claim, color = "", before, pinned: stays = false }) {
  hidePicture()
  const [width, height] = picture.size
  const scale = SIDE / Math.max(width, height)
  const stage = document.createElement("div")
  stage.style.cssText = `position:relative;width:${Math.round(width * scale)}px;height:${Math.round(height * scale)}px`
  stage.append(fullImage(pictureAddress(picture.image), claim?.text ?? title))
  const box = document.createElement("div")
  box.className = "xlard-picture"
  box.setAttribute("role", stays ? "dialog" : "tooltip")
  box.setAttribute("aria-label", claim?.text ?? title)
  box.style.cssText = "position:fixed;z-index:10000;padding:8px;border-radius:8px;font:12px sans-serif;" +
    "white-space:pre-line;background:var(--comfy-menu-bg,#222);color:var(--input-text,#ddd);" +
    `border:1px solid var(--border-color,#555);${stays ? "" : "pointer-events:none"}`
  if (claim) stage.append(...boxFrames(picture, claim, color))
  const caption = document.createElement("div")
  caption.style.cssText = `max-width:${Math.max(200, Math.round(width * scale))}px;padding:0 0 6px`
  caption.textContent = claim
    ? `${claim.text}${claim.boxes.length ? "" : "\nThe critic gave no box for this claim."}` : title
  box.append(caption, stage)
  if (before) {
    const earlier = fullImage(pictureAddress(before), "before")
    const line = sideLine()
    stage.append(earlier, line)
    box.append(slider(earlier, line), sideNames())
  }
  document.body.append(box)
  shownWindow = box
  pinned = stays
  place(box, beside.getBoundingClientRect())
  if (!stays) return
  document.addEventListener("keydown", closeOnEscape, true)
  document.addEventListener("pointerdown", closeOutside, true)
}
