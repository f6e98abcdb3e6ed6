// A table of numbers between -1 and 1, coloured by sign and magnitude.

export default function ({ data, parentElement }) {
  if (!data) return
  parentElement.querySelector("caption").textContent = data.caption
  const head = data.labels.map((label) => element("th", { scope: "col", title: label }, element("span", {}, label)))
  parentElement.querySelector("thead").replaceChildren(element("tr", {}, element("td", { "aria-hidden": "true" }), ...head))
  const rows = data.values.map((values, row) => {
    const cells = values.map((value, column) => {
      const text = value.toFixed(1).replace("-", "−").replace("−0.0", "0.0")
      const cell = element("td", { title: `${data.labels[row]} and ${data.labels[column]}: ${value.toFixed(2)}` }, text)
      cell.className = value < 0 ? "minus" : "plus"
      cell.style.setProperty("--share", `${Math.round(Math.min(1, Math.abs(value)) * 100)}%`)
      return cell
    })
    return element("tr", {}, element("th", { scope: "row", title: data.labels[row] }, data.labels[row]), ...cells)
  })
  parentElement.querySelector("tbody").replaceChildren(...rows)
}
