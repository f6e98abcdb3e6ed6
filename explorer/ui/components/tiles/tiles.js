// Small pictures to choose from.

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".tiles")
  if (!data) return
  box.setAttribute("aria-label", data.label)
  box.className = `tiles ${data.layout}`
  box.style.setProperty("--tile", data.tile)
  box.style.setProperty("--columns", data.columns)
  // Buttons are kept and only refilled, so that the focus stays where it is and no picture blinks.
  while (box.children.length > data.tiles.length) box.lastChild.remove()
  data.tiles.forEach((tile, index) => {
    let button = box.children[index]
    if (!button) {
      button = element("button", { class: "tile" }, element("img"), element("span"))
      box.append(button)
    }
    const [image, caption] = button.children
    if (image.getAttribute("src") !== tile.uri) image.src = tile.uri
    image.alt = tile.alt
    caption.textContent = tile.caption ?? ""
    caption.hidden = !tile.caption
    button.setAttribute("aria-pressed", String(tile.id === data.selected))
    button.title = data.hint || tile.alt
    button.onclick = () => setTriggerValue("chosen", tile.id)
  })
}
