// Choosing the kind of an identity document.
import { texts } from '../texts/account'
import type { DocumentType } from '../values/document'

const documentTypes = Object.keys(texts.documents) as DocumentType[]

/** Asks for one of all kinds; null when nothing is chosen. */
export async function chooseDocumentType(): Promise<DocumentType | null> {
  const itemList = documentTypes.map((type) => texts.documents[type])
  const chosen = await wx.showActionSheet({ itemList }).catch(() => null)
  return chosen && documentTypes[chosen.tapIndex]
}
