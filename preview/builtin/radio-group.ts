/** <radio-group> */
import { setChecked } from './choice'
import { choicesOf, group } from './group'

group(
  (choices) => choices.find((choice) => choice.data.checked)?.data.value ?? '',
  (part, tapped) => {
    for (const choice of choicesOf(part)) setChecked(choice, choice._$ === tapped._$)
  },
)
