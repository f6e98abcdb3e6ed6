// Numbers between -1 and 1 as a table; the nearer to an end, the stronger the colour.

const ENDS = { plus: "rgb(179 84 30)", minus: "rgb(59 111 182)" }
const STRONG = 0.5 // up to here the theme's own text reads well

// Black or white, whichever reads better on the cell's own colour: one of them always has a contrast above 4.5.
function readable(cell) {
  const colour = getComputedStyle(cell).backgroundColor // color(srgb 0.7 0.3 0.1)
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff"
}

export default function ({ data, parentElement }) {
  if (!data) return
  parentElement.querySelector("caption").textContent = data.caption
  const head = data.labels.map((label) => element("th", { scope: "col" }, element("span", {}, label)))
  parentElement.querySelector("thead").replaceChildren(element("tr", {}, element("td", { "aria-hidden": "true" }), ...head))
  parentElement.querySelector("thead td").style.background = "none"
  const rows = data.values.map((values, row) => {
    const cells = values.map((value, column) => {
      const text = value.toFixed(1).replace("-", "−").replace("−0.0", "0.0")
      const cell = element("td", { title: `${data.labels[row]} and ${data.labels[column]}: ${value.toFixed(2)}` }, text)
      const share = Math.round(Math.min(1, Math.abs(value)) * 100)
      cell.style.background =
        `color-mix(in srgb, ${value < 0 ? ENDS.minus : ENDS.plus} ${share}%, var(--st-secondary-background-color))`
      if (Math.abs(value) > STRONG) cell.className = "strong"
      return cell
    })
    return element("tr", {}, element("th", { scope: "row" }, data.labels[row]), ...cells)
  })
  const body = parentElement.querySelector("tbody")
  body.replaceChildren(...rows)
  for (const cell of body.querySelectorAll(".strong")) cell.style.color = readable(cell)
}
