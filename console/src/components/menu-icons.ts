// The pictures of menu entries, by the names that areas give in their routes.
import AssignmentIcon from 'tdesign-icons-vue-next/esm/components/assignment'
import BookIcon from 'tdesign-icons-vue-next/esm/components/book'
import CalendarIcon from 'tdesign-icons-vue-next/esm/components/calendar'
import ChartIcon from 'tdesign-icons-vue-next/esm/components/chart-bar'
import ErrorIcon from 'tdesign-icons-vue-next/esm/components/error-triangle'
import FileImportIcon from 'tdesign-icons-vue-next/esm/components/file-import'
import HistoryIcon from 'tdesign-icons-vue-next/esm/components/history'
import HomeIcon from 'tdesign-icons-vue-next/esm/components/home'
import HospitalIcon from 'tdesign-icons-vue-next/esm/components/hospital'
import LayersIcon from 'tdesign-icons-vue-next/esm/components/layers'
import MoneyIcon from 'tdesign-icons-vue-next/esm/components/money'
import OrderIcon from 'tdesign-icons-vue-next/esm/components/bill'
import RefundIcon from 'tdesign-icons-vue-next/esm/components/rollback'
import RuleIcon from 'tdesign-icons-vue-next/esm/components/verify'
import SearchIcon from 'tdesign-icons-vue-next/esm/components/search'
import SettingIcon from 'tdesign-icons-vue-next/esm/components/setting'
import ShieldIcon from 'tdesign-icons-vue-next/esm/components/secured'
import ServiceIcon from 'tdesign-icons-vue-next/esm/components/service'
import TimeIcon from 'tdesign-icons-vue-next/esm/components/time'
import TreeIcon from 'tdesign-icons-vue-next/esm/components/tree-round-dot'
import UserIcon from 'tdesign-icons-vue-next/esm/components/user'
import UsersIcon from 'tdesign-icons-vue-next/esm/components/usergroup'

export const menuIcons = {
  home: HomeIcon,
  calendar: CalendarIcon,
  search: SearchIcon,
  desk: ServiceIcon,
  list: AssignmentIcon,
  template: LayersIcon,
  hospital: HospitalIcon,
  tree: TreeIcon,
  doctor: UserIcon,
  people: UsersIcon,
  money: MoneyIcon,
  order: OrderIcon,
  refund: RefundIcon,
  rule: RuleIcon,
  import: FileImportIcon,
  book: BookIcon,
  chart: ChartIcon,
  setting: SettingIcon,
  shield: ShieldIcon,
  history: HistoryIcon,
  time: TimeIcon,
  trouble: ErrorIcon,
}

export type IconName = keyof typeof menuIcons
