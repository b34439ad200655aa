/** <checkbox-group> */
import { group } from './group'

group((choices) => choices.filter((choice) => choice.data.checked).map((choice) => choice.data.value))
