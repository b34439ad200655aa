/** The sample: a shopping list that uses each part of the language once. */
export default { root: 'src', out: '../../../dist/preview-sample', title: '购物清单' }
