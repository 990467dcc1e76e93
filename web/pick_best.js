/**
 * Shows the batch that xLARD Pick Best picked from. A click on a picture chooses it for the next run; the choice is an
 * ordinary input, saved with the workflow. The graph runs the same without this file.
 */
import { app } from "../../scripts/app.js"
import { hidePicture, pictureAddress, showPicture } from "./picture_window.js"
import { keepShown, scrolled, takeOutputs } from "./shown_widget.js"

const NODE = "XLARDPickBest"
const WIDGET = "xlard.batch"
const PROPERTY = "xlard.batch"
const OUTPUT = "xlard_batch"
const INPUT = "choice"
const AUTOMATIC = -1
const HEIGHT = 100
const HEIGHT_IN_NODES_2 = 130
const NOTHING_YET = "Connect images and run the workflow: click a picture here to choose it yourself."
const CLICK = "The critic's choice has a green frame. Click a picture to choose it yourself."

/**
 * A picture of the batch; `size` is its width and height in pixels.
 * @typedef {{image: {filename: string, subfolder: string, type: string}, size: number[], summary: string,
 *   chosen: boolean}} Candidate
 */

/**
 * @param {string} json what the node put out; other text shows nothing
 * @returns {Candidate[]}
 */
function readBatch(json) {
  try {
    const pictures = JSON.parse(json)
    return Array.isArray(pictures) ? pictures.filter(candidate => candidate?.image) : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

/**
 * @param {Candidate} candidate
 * @param {number} index its place in the batch
 * @param {number} choice the place that is chosen by hand
 * @param {() => void} choose
 * @returns {HTMLButtonElement}
 */
function candidateButton(candidate, index, choice, choose) {
  const title = `Picture ${index + 1}: ${candidate.summary}`
  const thumbnail = document.createElement("img")
  thumbnail.src = pictureAddress(candidate.image)
  thumbnail.alt = title
  thumbnail.style.cssText = "width:56px;height:56px;object-fit:cover;display:block;border-radius:3px"
  const button = document.createElement("button")
  const frame = index === choice ? "#e0a030" : candidate.chosen ? "#4caf7d" : "transparent"
  button.style.cssText = `border:3px solid ${frame};border-radius:6px;padding:0;background:none;cursor:pointer`
  button.setAttribute("aria-pressed", String(index === choice))
  button.dataset.index = String(index)
  button.append(thumbnail)
  button.onclick = choose
  // Beside all of them: it would cover its neighbours.
  button.onmouseenter = button.onfocus = () =>
    showPicture(button.closest(".xlard-batch") ?? button, { picture: candidate, title })
  button.onmouseleave = button.onblur = hidePicture
  return button
}

/**
 * Add the pictures of the batch to a node.
 * @param {object} node the LiteGraph node
 * @returns {() => void} draws what the node's properties and its choice say
 */
function addBatch(node) {
  const box = document.createElement("div")
  box.className = "xlard-batch"
  box.style.cssText = scrolled(HEIGHT_IN_NODES_2) + "padding:4px 8px;border-radius:6px;" +
    "font:12px sans-serif;background:var(--comfy-input-bg,#333);color:var(--input-text,#ddd)"
  // Otherwise the wheel would zoom the graph, a mouse move the node, and a key that presses a button the graph.
  box.onwheel = box.onpointerdown = event => event.stopPropagation()
  box.onkeydown = event => { if (event.key === " ") event.stopPropagation() }
  const widget = node.addDOMWidget(WIDGET, WIDGET, box, {
    serialize: false, hideOnZoom: false, margin: 4, getMinHeight: () => HEIGHT,
  })
  // Its value would otherwise shift those of inputs that later versions add.
  widget.serialize = false
  keepShown(node, box)
  const input = node.widgets.find(candidate => candidate.name === INPUT)
  const draw = focused => {
    hidePicture()
    const batch = readBatch(node.properties?.[PROPERTY] ?? "")
    const pictures = document.createElement("div")
    pictures.style.cssText = "display:flex;flex-wrap:wrap;gap:3px;padding:4px 0 0"
    pictures.append(...batch.map((candidate, index) => candidateButton(candidate, index, input.value, () => {
      input.value = input.value === index ? AUTOMATIC : index
      input.callback?.(input.value)
      node.setDirtyCanvas(true, true)
      draw(index)
    })))
    const said = input.value === AUTOMATIC ? CLICK
      : `You chose picture ${input.value + 1} for the next run. Click it again to leave the choice to the critic.`
    box.replaceChildren(...(batch.length ? [said, pictures] : [NOTHING_YET]))
    box.querySelector(`[data-index="${focused}"]`)?.focus({ preventScroll: true })
  }
  const callback = input.callback
  input.callback = function () {
    const result = callback?.apply(this, arguments)
    draw()
    return result
  }
  return draw
}

app.registerExtension({
  name: "xlard.pick_best",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const refresh = addBatch(node)
    refresh()
    const onConfigure = node.onConfigure
    node.onConfigure = function () {
      onConfigure?.apply(this, arguments)
      refresh()
    }
    takeOutputs(node, output => {
      const batch = output[OUTPUT]?.[0]
      if (!batch || batch === node.properties[PROPERTY]) return false
      node.properties[PROPERTY] = batch
      refresh()
      return true
    })
  },
})
