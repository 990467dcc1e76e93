/** What the widgets of the pack that are HTML have in common. */
import { app } from "../../scripts/app.js"

/**
 * @param {string} tag
 * @param {string} style
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function element(tag, style, ...children) {
  const made = document.createElement(tag)
  made.style.cssText = style
  made.append(...children)
  return made
}

/**
 * @param {number} height in pixels
 * @returns {string} the style of an element that fills its widget and scrolls. Nodes 2.0 makes a node as high as all that
 *   its elements hold; of this one it takes that it is so high.
 */
export function scrolled(height) {
  return "width:0;min-width:100%;height:100%;box-sizing:border-box;overflow:auto;contain:size;" +
    `contain-intrinsic-height:${height}px;`
}

/**
 * Show an element of a node after an undo, too. Nodes 2.0 then gives the node that has come back the elements of the one
 * that is gone.
 * @param {object} node the LiteGraph node
 * @param {HTMLElement} shown element of one of its widgets, with a class name that no other widget's element has
 */
export function keepShown(node, shown) {
  const look = () => {
    if (shown.isConnected || app.canvas.graph !== node.graph) return
    document.querySelector(`[data-node-id="${node.id}"] .${shown.className}`)?.replaceWith(shown)
  }
  const onConfigure = node.onConfigure
  node.onConfigure = function () {
    const result = onConfigure?.apply(this, arguments)
    for (const wait of [0, 100, 500]) setTimeout(look, wait)
    return result
  }
}

/** What takes a node's outputs, by node. */
const takers = new Map()

/**
 * @param {object} node the LiteGraph node
 * @param {(output: object, isKept: boolean) => boolean|void} take is given what the node puts out, and, with `isKept`,
 *   what it has put out before; says whether that is news
 */
export function takeOutputs(node, take) {
  takers.set(node, take)
  const onExecuted = node.onExecuted
  node.onExecuted = function (output) {
    onExecuted?.apply(this, arguments)
    if (output) take(output, false)
  }
  const onRemoved = node.onRemoved
  node.onRemoved = function () {
    takers.delete(node)
    return onRemoved?.apply(this, arguments)
  }
}

/**
 * Give nodes the outputs that the front end has kept for them, as it does of a job that ends while another workflow is
 * shown.
 * @returns {boolean} whether any were news
 */
export function takeKept() {
  const root = app.rootGraph ?? app.graph
  const keyOf = ({ id, graph }) => graph === root ? id : `${graph?.id}:${id}`
  return [...takers].map(([node, take]) => {
    const kept = app.nodeOutputs?.[keyOf(node)]
    return kept ? take(kept, true) : false
  }).includes(true)
}
