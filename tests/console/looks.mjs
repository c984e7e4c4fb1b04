// What can be measured of how a page looks.

import assert from 'node:assert/strict'
import { DESKTOP, PHONE } from './browser.mjs'

/** WCAG 2 AA for text of normal size. */
const LEAST_CONTRAST = 4.5

/** All text can be read, on light and on dark. */
export async function readable(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const texts = await page.evaluate(measureContrast)
    assert.ok(texts.length > 30, `only ${texts.length} texts were measured`)
    const poor = texts.filter(({ contrast }) => contrast < LEAST_CONTRAST)
    assert.deepEqual(poor, [], `${colorScheme}: text that cannot be read`)
    const ground = texts[0].ground.reduce((sum, part) => sum + part) / 3
    assert.ok(colorScheme === 'dark' ? ground < 64 : ground > 192, `${colorScheme} is not: ${ground}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

/** Nothing is wider than a phone. */
export async function fitsPhone(page) {
  await page.setViewportSize(PHONE)
  const { width, wide } = await page.evaluate(() => {
    const clipped = (node) => node && (getComputedStyle(node).overflowX !== 'visible' || clipped(node.parentElement))
    const wide = [...document.querySelectorAll('body *')]
      .filter((node) => node.getBoundingClientRect().right > innerWidth + 1 && !clipped(node.parentElement))
    return { width: document.documentElement.scrollWidth, wide: wide.map((node) => node.outerHTML.slice(0, 120)) }
  })
  assert.deepEqual(wide, [], 'wider than the phone')
  assert.ok(width <= PHONE.width, `the page is ${width} pixels wide`)
  await page.setViewportSize(DESKTOP)
}

/** Runs in the page: the contrast of every text that is shown. */
function measureContrast() {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const paint = (colours) => {
    context.clearRect(0, 0, 1, 1)
    for (const colour of colours) {
      context.fillStyle = colour
      context.fillRect(0, 0, 1, 1)
    }
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]
  }
  const grounds = (node) => (node ? [...grounds(node.parentElement), getComputedStyle(node).backgroundColor] : ['white'])
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ownText = (node) => [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => child.data).join('').trim()
  return [...document.querySelectorAll('body, body *')]
    .filter((node) => ownText(node) && node.checkVisibility() && node.tagName !== 'OPTION')
    .map((node) => {
      const behind = grounds(node)
      const ground = paint(behind)
      const [dark, light] = [luminance(ground), luminance(paint([...behind, getComputedStyle(node).color]))].sort((a, b) => a - b)
      return { text: ownText(node).slice(0, 60), ground, contrast: Number(((light + 0.05) / (dark + 0.05)).toFixed(2)) }
    })
}
