// Thumbnails to choose from.

// Fade a scrolling box out on the sides where it has more content.
function markEnds(box) {
  const rest = box.scrollWidth - box.clientWidth - box.scrollLeft
  box.classList.toggle("more-right", rest > 4)
  box.classList.toggle("more-left", box.scrollLeft > 4)
}

// Scroll a tile into view within its box, without scrolling the page.
function reveal(box, button) {
  const [outer, inner] = [box.getBoundingClientRect(), button.getBoundingClientRect()]
  if (inner.left < outer.left || inner.right > outer.right) {
    box.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".tiles")
  const state = instanceOf(parentElement, () => {
    box.onscroll = () => markEnds(box)
    const observer = new ResizeObserver(() => markEnds(box))
    return { observer, selected: null }
  })
  state.observer.observe(box)
  if (!data) return undefined
  box.setAttribute("aria-label", data.label)
  const caption = parentElement.querySelector(".caption")
  caption.textContent = data.label
  caption.hidden = !data.captioned
  box.className = `tiles ${data.layout}`
  box.style.setProperty("--tile", data.tile)
  box.style.setProperty("--columns", data.columns)
  // Buttons are reused, so that the focus is kept and no picture flickers.
  while (box.children.length > data.tiles.length) box.lastChild.remove()
  data.tiles.forEach((tile, index) => {
    let button = box.children[index]
    if (!button) {
      button = element("button", { class: "tile", type: "button" }, element("img"), element("span"))
      box.append(button)
    }
    const [image, words] = button.children
    if (image.getAttribute("src") !== tile.uri) image.src = tile.uri
    image.alt = tile.alt
    words.textContent = tile.caption
    words.hidden = !tile.caption
    button.classList.toggle("begins", index > 0 && tile.group !== data.tiles[index - 1].group)
    button.setAttribute("aria-pressed", String(tile.id === data.selected))
    button.title = data.hint || tile.alt
    button.onclick = () => setTriggerValue("chosen", tile.id)
    if (tile.id === data.selected && state.selected !== tile.id) requestAnimationFrame(() => reveal(box, button))
  })
  state.selected = data.selected
  oneStop(box)
  requestAnimationFrame(() => markEnds(box))
  return whenGone(parentElement, () => state.observer.disconnect())
}
