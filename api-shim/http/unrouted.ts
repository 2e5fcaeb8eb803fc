import { acceptedTypes } from './accept.ts'

export interface Page {
  contentType: string
  body: string
}

const TEXT = 'The resource could not be found.'

export function renderNotFoundPage(accept: string | undefined): Page {
  const [best] = acceptedTypes(accept, ['text/html', 'application/json'])
  if (best === 'application/json')
    return {
      contentType: 'application/json',
      body: JSON.stringify({ message: `${TEXT}<br /><br />\n\n\n`, code: '404 Not Found', title: 'Not Found' }),
    }
  if (best === 'text/html') return { contentType: 'text/html; charset=UTF-8', body: htmlPage }
  return { contentType: 'text/plain; charset=UTF-8', body: `404 Not Found\n\n${TEXT}\n\n   ` }
}

const htmlPage = [
  '<html>',
  ' <head>',
  '  <title>404 Not Found</title>',
  ' </head>',
  ' <body>',
  '  <h1>404 Not Found</h1>',
  `  ${TEXT}<br /><br />`,
  '',
  '',
  '',
  ' </body>',
  '</html>',
].join('\n')
