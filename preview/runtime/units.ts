/** Lengths of WXSS in a browser: rpx, vw and vh follow the program's own width and page area, not the window's. */
const LENGTH = /(-?(?:\d+\.?\d*|\.\d+))(rpx|vw|vh)\b/g

const VARIABLE: Record<string, (n: number) => string> = {
  rpx: (n) => `calc(${n} * var(--rpx))`,
  vw: (n) => `calc(${n * 7.5} * var(--rpx))`,
  vh: (n) => `calc(${n} * var(--vh))`,
}

export function cssLengths(text: string): string {
  return text.replace(LENGTH, (_, amount: string, unit: string) => VARIABLE[unit](Number(amount)))
}

/** A bare number is a count of px, as in WeChat's APIs. */
export function cssLength(value: unknown): string {
  return typeof value === 'number' || /^-?[\d.]+$/.test(String(value))
    ? `${value}px`
    : cssLengths(String(value))
}
