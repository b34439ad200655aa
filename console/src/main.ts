// Starts the console: the frame first, each area when it is opened.
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './app.vue'
import { followTheme } from './parts/theme'
import { router } from './router'
import 'tdesign-vue-next/es/style/index.css'
import './styles/tokens.css'
import './styles/tdesign.css'
import './styles/base.css'
import './styles/print.css'

followTheme()
createApp(App).use(createPinia()).use(router).mount('#app')
