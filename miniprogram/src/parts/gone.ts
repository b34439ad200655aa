// Links, codes and share cards outlive what they lead to.
import { Refusal } from '../api/refusal'

interface AnyPage {
  setData(data: Record<string, unknown>): void
}

/** For `shown`: what is gone is told in data.emptyText, with a way on; trying again would not bring it back. */
export async function unlessGone(
  page: AnyPage,
  load: () => Promise<void | 'empty'>,
): Promise<void | 'empty'> {
  try {
    return await load()
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error
    page.setData({ emptyText: error.title })
    return 'empty'
  }
}
