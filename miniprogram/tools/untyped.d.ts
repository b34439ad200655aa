/** What ships no types of its own. */
declare module 'subset-font' {
  export default function subsetFont(
    font: Buffer,
    text: string,
    options: { targetFormat: 'woff' | 'woff2' | 'truetype' | 'sfnt' },
  ): Promise<Buffer>
}
