export default function ({ data }) {
  for (const [name, value] of Object.entries(data ?? {})) putInAddress(value, name)
}
