import { declareReasons, type ReasonGroup } from './reason-table.ts'

export const images: ReasonGroup = {
  title: 'Images, sizes and hardware',
  intro:
    'The server gets a fault and is in `vmState` error; `action: start` tries again, whatever `spec.powerState` is. Most of these need another Image or Flavor and, because these names cannot change, another Server.',
}

export const imageReasons = declareReasons({
  ImageDownloadFailed: {
    meaning: 'The source of the Image does not answer, or answers with an error.',
    httpStatus: 500,
    whatToDo: 'Make sure that the host reaches the URL, then create a ServerAction with `action: start`.',
  },
  ImageFileMissing: {
    meaning:
      'The URL of the Image is a `file:` URL, and the host does not have that file, cannot read it, or has no directory `--image-dir`. The host rejects the server, and the next host is tried.',
    httpStatus: 400,
    whatToDo:
      'Put the file on the hosts that shall run the server, in the directory that the message names, then create a ServerAction with `action: start`; or create an Image with an `https:` URL.',
  },
  ImageChecksumMismatch: {
    meaning: 'The bytes at the source do not have the checksum of the Image.',
    httpStatus: 400,
    whatToDo: 'The file is damaged or has changed. Create an Image with the right checksum.',
  },
  ImageFormatMismatch: {
    meaning: 'The file at the source has another format than the Image says.',
    httpStatus: 400,
    whatToDo: 'Create an Image with the format that the message names.',
  },
  ImageNotADisk: {
    meaning: 'The source of the Image gives no disk: a compressed file, an archive, a page of a web site, a script.',
    httpStatus: 400,
    whatToDo: 'Unpack the file as the message says, publish the disk itself, and create an Image with that URL.',
  },
  ImageTruncated: {
    meaning: 'The file at the source is shorter than its own header says: a part of the disk is missing.',
    httpStatus: 400,
    whatToDo: 'Put the whole file at the URL, and create an Image with its checksum.',
  },
  ImageSourceNotAllowed: {
    meaning:
      'The agent does not read from the URL of the Image, or from where it redirects to: a file outside `--image-dir`, a loopback or a link-local address.',
    httpStatus: 400,
    whatToDo: 'Put the image where the agents may read it, and create an Image with that URL.',
  },
  ImageSourceUntrusted: {
    meaning:
      'The certificate of the server that has the image is not trusted, or TLS with that server fails each time. The agent does not try again by itself.',
    httpStatus: 400,
    whatToDo:
      'Give the authority to the agents with `--image-ca-file`, or mend the certificate; then create a ServerAction with `action: start`.',
  },
  ImageTooLarge: {
    meaning: 'The file, or the disk in it, is larger than allowed.',
    httpStatus: 400,
    whatToDo: 'Use a smaller image, or let an operator raise `--image-max-gib`. The disk in the image may have 16 TiB.',
  },
  ImageUnreadable: {
    meaning: '`qemu-img` cannot read the image.',
    httpStatus: 400,
    whatToDo: 'Convert the image to a plain qcow2 file, and create an Image of that.',
  },
  ImageUnsafe: {
    meaning: 'The image refers to other files or cannot be read without a key, so the agent does not use it.',
    httpStatus: 400,
    whatToDo: 'Convert the image to a plain qcow2 file, and create an Image of that.',
  },
  ImageCacheBusy: {
    meaning: 'The image was removed from the cache of the host before the server could use it. The agent tries again.',
    httpStatus: 503,
    whatToDo: 'If it lasts, the cache is too small for the servers of the host: raise `--image-cache-gib`.',
  },
  FirmwareUnavailable: {
    meaning: 'The host does not have the firmware that the Image asks for.',
    httpStatus: 400,
    whatToDo: 'Install it on the host (package `ovmf` for UEFI), or change `hw_firmware_type` of the Image.',
  },
  UnsupportedHardware: {
    meaning:
      'The host cannot provide a device or a machine type that the Image or the Flavor asks for. On an Image or Flavor: no host has what it requires.',
    httpStatus: 400,
    whatToDo: 'Correct the properties that the message names.',
  },
  InvalidCharacter: {
    meaning: 'A text has a character that a libvirt definition cannot have.',
    httpStatus: 400,
    whatToDo: 'Take the character out of the text that the message quotes.',
  },
  InvalidDomain: {
    meaning: 'libvirt has rejected the definition of the domain.',
    httpStatus: 500,
    whatToDo: 'Keep the message and the log of the agent, and report it as a bug.',
  },
  InvalidGuest: {
    meaning: 'The id of a server has characters that an id cannot have.',
    httpStatus: 500,
    whatToDo: 'Keep the message and the log of the agent, and report it as a bug.',
  },
  InvalidInterface: {
    meaning: 'A network interface of the server has invalid values.',
    httpStatus: 500,
    whatToDo: 'Keep the message and the log of the agent, and report it as a bug.',
  },
  InvalidXML: {
    meaning: 'The agent cannot read an XML document of libvirt.',
    httpStatus: 500,
    whatToDo: 'Keep the message and the log of the agent, and report it as a bug.',
  },
})
