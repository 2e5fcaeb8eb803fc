module kubenova.io/test/bench/go-libvirt

go 1.26.0

require github.com/digitalocean/go-libvirt v0.0.0-20260814190004-1a83157e1858

require (
	golang.org/x/crypto v0.48.0 // indirect
	golang.org/x/sys v0.41.0 // indirect
)
