// ECharts with what the console draws, and the product's theme.
import { BarChart, HeatmapChart, LineChart, PieChart } from 'echarts/charts'
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from 'echarts/components'
import { init, registerTheme, use, type ECharts } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import themes from '@/styles/chart-theme.json'
import type { Option } from './chart'

use([BarChart, LineChart, PieChart, HeatmapChart, SVGRenderer])
use([GridComponent, LegendComponent, TooltipComponent, AriaComponent])
use([MarkLineComponent, MarkAreaComponent, VisualMapComponent])
registerTheme('light', themes.light)
registerTheme('dark', themes.dark)

export function draw(place: HTMLElement, isDark: boolean): ECharts {
  return init(place, isDark ? 'dark' : 'light')
}

/** The policy of the pages allows no markup of tooltips, and motion is not asked for. */
export function show(chart: ECharts, option: Option): void {
  const tooltip = { ...(option.tooltip as object | undefined), renderMode: 'richText' as const }
  chart.setOption({ animation: false, aria: { enabled: true }, ...option, tooltip }, { notMerge: true })
}
