/**
 * Checks what WeChat wants declared in app.json: an interface that asks for a place fails on phones when it does not stand
 * in requiredPrivateInfos, and what stands there without being used is asked about in the review.
 */
import path from 'node:path'
import { Mistake, filesBelow, read, run, source } from './paths.js'

const FUZZY = 'getFuzzyLocation'
const EXACT = ['getLocation', 'onLocationChange', 'startLocationUpdate', 'startLocationUpdateBackground']
const PLACES = [FUZZY, ...EXACT, 'chooseLocation', 'choosePoi', 'chooseAddress']

await run(() => {
  const { requiredPrivateInfos: declared = [], permission = {} } = JSON.parse(
    read(path.join(source, 'app.json')),
  )
  const scripts = filesBelow(source, /\.ts$/).map(read).join('\n')
  const used = PLACES.filter((name) => new RegExp(`\\bwx\\.${name}\\b`).test(scripts))
  const findings = [
    ...missing(used, declared).map((name) => `wx.${name} is used, but not in requiredPrivateInfos`),
    ...missing(declared, used).map((name) => `${name} is in requiredPrivateInfos, but not used`),
    ...scopesOf(used)
      .filter((scope) => !permission[scope]?.desc)
      .map((scope) => `permission["${scope}"].desc is missing`),
    ...(scopesOf(used).length > 1 ? ['fuzzy and exact location exclude each other'] : []),
  ]
  if (findings.length) throw new Mistake(findings.map((finding) => `app.json: ${finding}`).join('\n'))
  return `app.json declares what is used: ${used.join(', ') || 'no place'}`
})

/** @param {string[]} names @param {string[]} among */
function missing(names, among) {
  return names.filter((name) => !among.includes(name))
}

/** @param {string[]} used @returns {string[]} what people are asked for, with a reason each */
function scopesOf(used) {
  const fuzzy = used.includes(FUZZY) ? ['scope.userFuzzyLocation'] : []
  const exact = used.some((name) => EXACT.includes(name)) ? ['scope.userLocation'] : []
  return [...fuzzy, ...exact]
}
