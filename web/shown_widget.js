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
