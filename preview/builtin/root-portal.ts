/** <root-portal>: stays where it is. Fixed elements inside already count from the page area's corner. */
import { builtin } from './part'

builtin({ properties: { enable: { type: Boolean, value: true } } })
