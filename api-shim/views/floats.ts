declare global {
  interface JSON {
    /** Creates a value that JSON.stringify prints as this text (ECMAScript proposal, in Node from 22). */
    rawJSON(text: string): object
  }
}

/** A float, which has a decimal point even if it is whole: clients in typed languages tell 1.0 from 1. */
export const pythonFloat = (value: number): number | object =>
  Number.isInteger(value) ? JSON.rawJSON(`${value}.0`) : value
