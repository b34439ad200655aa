// Node's own import: vitest would look for a built program among its sources.
module.exports = (address) => import(address)
