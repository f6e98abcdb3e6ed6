// A table of pictures over two axes.

// Build the table with names and values at its edges; it is rebuilt only when these change.
function build(root, { across: [acrossName, acrossValues], down: [downName, downValues] }) {
  const blank = () => element("td", { class: "edge" })
  const values = acrossValues.map((value) => element("th", { scope: "col" }, value))
  root.querySelector("thead").replaceChildren(
    element("tr", {}, blank(), blank(),
      element("th", { class: "name", scope: "colgroup", colspan: acrossValues.length }, acrossName)),
    element("tr", {}, blank(), blank(), ...values))
  const rows = downValues.map((value, row) => {
    const name = element("th", { class: "edge name", scope: "rowgroup", rowspan: downValues.length },
      element("span", {}, downName))
    const cells = acrossValues.map(() => element("td", {}, element("button", { type: "button" }, element("img"))))
    return element("tr", {}, ...(row ? [] : [name]), element("th", { class: "edge", scope: "row" }, value), ...cells)
  })
  root.querySelector("tbody").replaceChildren(...rows)
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return
  const state = instanceOf(parentElement, () => ({ edges: null }))
  parentElement.querySelector("caption").textContent = data.label
  const edges = JSON.stringify([data.across, data.down])
  if (state.edges !== edges) build(parentElement, data)
  state.edges = edges
  const body = parentElement.querySelector("tbody")
  body.querySelectorAll("button").forEach((button, index) => {
    const { uri, alt } = data.pictures[index]
    const image = button.firstChild
    if (image.getAttribute("src") !== uri) image.src = uri
    image.alt = button.title = alt
    button.setAttribute("aria-pressed", String(index === data.selected))
    button.onclick = () => setTriggerValue("chosen", index)
  })
  oneStop(body)
}
