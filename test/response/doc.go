// Package response walks the desk's pages of the response to incidents in a running
// house: forms, previews, refusals, what is downloaded. It needs no browser.
package response
