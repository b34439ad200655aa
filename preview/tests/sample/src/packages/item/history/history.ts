import { items } from '../../../behaviors/items'

Component({ behaviors: [items] })
