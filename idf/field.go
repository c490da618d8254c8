package idf

import "sort"

// Field is one key of the event format. The numbers may change between
// versions: store names.
type Field uint8

// The keys, in the order of their names. FieldNone is no key at all; Extra
// stands for every key below "extra.", whose name a [Value] carries.
const (
	FieldNone                       Field = iota
	ClassificationIdentifier              // classification.identifier
	ClassificationTaxonomy                // classification.taxonomy
	ClassificationType                    // classification.type
	Comment                               // comment
	DestinationAbuseContact               // destination.abuse_contact
	DestinationAccount                    // destination.account
	DestinationAllocated                  // destination.allocated
	DestinationASName                     // destination.as_name
	DestinationASN                        // destination.asn
	DestinationDomainSuffix               // destination.domain_suffix
	DestinationFQDN                       // destination.fqdn
	DestinationGeolocationCC              // destination.geolocation.cc
	DestinationGeolocationCity            // destination.geolocation.city
	DestinationGeolocationCountry         // destination.geolocation.country
	DestinationGeolocationLatitude        // destination.geolocation.latitude
	DestinationGeolocationLongitude       // destination.geolocation.longitude
	DestinationGeolocationRegion          // destination.geolocation.region
	DestinationGeolocationState           // destination.geolocation.state
	DestinationIP                         // destination.ip
	DestinationLocalHostname              // destination.local_hostname
	DestinationLocalIP                    // destination.local_ip
	DestinationNetwork                    // destination.network
	DestinationPort                       // destination.port
	DestinationRegistry                   // destination.registry
	DestinationReverseDNS                 // destination.reverse_dns
	DestinationTorNode                    // destination.tor_node
	DestinationURL                        // destination.url
	DestinationURLPath                    // destination.urlpath
	EventDescriptionTarget                // event_description.target
	EventDescriptionText                  // event_description.text
	EventDescriptionURL                   // event_description.url
	EventHash                             // event_hash
	Extra                                 // extra
	FeedAccuracy                          // feed.accuracy
	FeedCode                              // feed.code
	FeedDocumentation                     // feed.documentation
	FeedName                              // feed.name
	FeedProvider                          // feed.provider
	FeedURL                               // feed.url
	MalwareHashMD5                        // malware.hash.md5
	MalwareHashSHA1                       // malware.hash.sha1
	MalwareHashSHA256                     // malware.hash.sha256
	MalwareName                           // malware.name
	MalwareVersion                        // malware.version
	MISPAttributeUUID                     // misp.attribute_uuid
	MISPEventUUID                         // misp.event_uuid
	Output                                // output
	ProductName                           // product.name
	ProductVendor                         // product.vendor
	ProductVersion                        // product.version
	ProductVulnerabilities                // product.vulnerabilities
	ProtocolApplication                   // protocol.application
	ProtocolTransport                     // protocol.transport
	Raw                                   // raw
	RTIRID                                // rtir_id
	ScreenshotURL                         // screenshot_url
	EventSeverity                         // severity
	SourceAbuseContact                    // source.abuse_contact
	SourceAccount                         // source.account
	SourceAllocated                       // source.allocated
	SourceASName                          // source.as_name
	SourceASN                             // source.asn
	SourceDomainSuffix                    // source.domain_suffix
	SourceFQDN                            // source.fqdn
	SourceGeolocationCC                   // source.geolocation.cc
	SourceGeolocationCity                 // source.geolocation.city
	SourceGeolocationCountry              // source.geolocation.country
	SourceGeolocationCymruCC              // source.geolocation.cymru_cc
	SourceGeolocationGeoIPCC              // source.geolocation.geoip_cc
	SourceGeolocationLatitude             // source.geolocation.latitude
	SourceGeolocationLongitude            // source.geolocation.longitude
	SourceGeolocationRegion               // source.geolocation.region
	SourceGeolocationState                // source.geolocation.state
	SourceIP                              // source.ip
	SourceLocalHostname                   // source.local_hostname
	SourceLocalIP                         // source.local_ip
	SourceNetwork                         // source.network
	SourcePort                            // source.port
	SourceRegistry                        // source.registry
	SourceReverseDNS                      // source.reverse_dns
	SourceTorNode                         // source.tor_node
	SourceURL                             // source.url
	SourceURLPath                         // source.urlpath
	Status                                // status
	TimeObservation                       // time.observation
	TimeSource                            // time.source
	TLP                                   // tlp
	fieldEnd
)

// Type is the kind of value that a field takes.
type Type uint8

// The types. [Event.Set] says what each accepts.
const (
	TypeText Type = iota
	TypeASN
	TypeAccuracy
	TypeBase64
	TypeBool
	TypeCC
	TypeClassType
	TypeFQDN
	TypeFloat
	TypeHash
	TypeIP
	TypeInt
	TypeJSON
	TypeLower
	TypeLowerPrintable
	TypeNetwork
	TypePort
	TypePrintable
	TypeRegistry
	TypeSeverity
	TypeTLP
	TypeTaxonomy
	TypeTime
	TypeTransport
	TypeURL
	TypeUUID
)

// fieldTable is the vocabulary; it is sorted by name and never written to.
var fieldTable = [fieldEnd]struct {
	name string
	typ  Type
}{
	ClassificationIdentifier:        {"classification.identifier", TypeText},
	ClassificationTaxonomy:          {"classification.taxonomy", TypeTaxonomy},
	ClassificationType:              {"classification.type", TypeClassType},
	Comment:                         {"comment", TypeText},
	DestinationAbuseContact:         {"destination.abuse_contact", TypeLower},
	DestinationAccount:              {"destination.account", TypeText},
	DestinationAllocated:            {"destination.allocated", TypeTime},
	DestinationASName:               {"destination.as_name", TypeText},
	DestinationASN:                  {"destination.asn", TypeASN},
	DestinationDomainSuffix:         {"destination.domain_suffix", TypeFQDN},
	DestinationFQDN:                 {"destination.fqdn", TypeFQDN},
	DestinationGeolocationCC:        {"destination.geolocation.cc", TypeCC},
	DestinationGeolocationCity:      {"destination.geolocation.city", TypeText},
	DestinationGeolocationCountry:   {"destination.geolocation.country", TypeText},
	DestinationGeolocationLatitude:  {"destination.geolocation.latitude", TypeFloat},
	DestinationGeolocationLongitude: {"destination.geolocation.longitude", TypeFloat},
	DestinationGeolocationRegion:    {"destination.geolocation.region", TypeText},
	DestinationGeolocationState:     {"destination.geolocation.state", TypeText},
	DestinationIP:                   {"destination.ip", TypeIP},
	DestinationLocalHostname:        {"destination.local_hostname", TypeText},
	DestinationLocalIP:              {"destination.local_ip", TypeIP},
	DestinationNetwork:              {"destination.network", TypeNetwork},
	DestinationPort:                 {"destination.port", TypePort},
	DestinationRegistry:             {"destination.registry", TypeRegistry},
	DestinationReverseDNS:           {"destination.reverse_dns", TypeFQDN},
	DestinationTorNode:              {"destination.tor_node", TypeBool},
	DestinationURL:                  {"destination.url", TypeURL},
	DestinationURLPath:              {"destination.urlpath", TypeText},
	EventDescriptionTarget:          {"event_description.target", TypeText},
	EventDescriptionText:            {"event_description.text", TypeText},
	EventDescriptionURL:             {"event_description.url", TypeURL},
	EventHash:                       {"event_hash", TypeHash},
	Extra:                           {"extra", TypeJSON},
	FeedAccuracy:                    {"feed.accuracy", TypeAccuracy},
	FeedCode:                        {"feed.code", TypeText},
	FeedDocumentation:               {"feed.documentation", TypeText},
	FeedName:                        {"feed.name", TypeText},
	FeedProvider:                    {"feed.provider", TypeText},
	FeedURL:                         {"feed.url", TypeURL},
	MalwareHashMD5:                  {"malware.hash.md5", TypePrintable},
	MalwareHashSHA1:                 {"malware.hash.sha1", TypePrintable},
	MalwareHashSHA256:               {"malware.hash.sha256", TypePrintable},
	MalwareName:                     {"malware.name", TypeLowerPrintable},
	MalwareVersion:                  {"malware.version", TypePrintable},
	MISPAttributeUUID:               {"misp.attribute_uuid", TypeUUID},
	MISPEventUUID:                   {"misp.event_uuid", TypeUUID},
	Output:                          {"output", TypeJSON},
	ProductName:                     {"product.name", TypeText},
	ProductVendor:                   {"product.vendor", TypeText},
	ProductVersion:                  {"product.version", TypeText},
	ProductVulnerabilities:          {"product.vulnerabilities", TypeText},
	ProtocolApplication:             {"protocol.application", TypeLowerPrintable},
	ProtocolTransport:               {"protocol.transport", TypeTransport},
	Raw:                             {"raw", TypeBase64},
	RTIRID:                          {"rtir_id", TypeInt},
	ScreenshotURL:                   {"screenshot_url", TypeURL},
	EventSeverity:                   {"severity", TypeSeverity},
	SourceAbuseContact:              {"source.abuse_contact", TypeLower},
	SourceAccount:                   {"source.account", TypeText},
	SourceAllocated:                 {"source.allocated", TypeTime},
	SourceASName:                    {"source.as_name", TypeText},
	SourceASN:                       {"source.asn", TypeASN},
	SourceDomainSuffix:              {"source.domain_suffix", TypeFQDN},
	SourceFQDN:                      {"source.fqdn", TypeFQDN},
	SourceGeolocationCC:             {"source.geolocation.cc", TypeCC},
	SourceGeolocationCity:           {"source.geolocation.city", TypeText},
	SourceGeolocationCountry:        {"source.geolocation.country", TypeText},
	SourceGeolocationCymruCC:        {"source.geolocation.cymru_cc", TypeCC},
	SourceGeolocationGeoIPCC:        {"source.geolocation.geoip_cc", TypeCC},
	SourceGeolocationLatitude:       {"source.geolocation.latitude", TypeFloat},
	SourceGeolocationLongitude:      {"source.geolocation.longitude", TypeFloat},
	SourceGeolocationRegion:         {"source.geolocation.region", TypeText},
	SourceGeolocationState:          {"source.geolocation.state", TypeText},
	SourceIP:                        {"source.ip", TypeIP},
	SourceLocalHostname:             {"source.local_hostname", TypeText},
	SourceLocalIP:                   {"source.local_ip", TypeIP},
	SourceNetwork:                   {"source.network", TypeNetwork},
	SourcePort:                      {"source.port", TypePort},
	SourceRegistry:                  {"source.registry", TypeRegistry},
	SourceReverseDNS:                {"source.reverse_dns", TypeFQDN},
	SourceTorNode:                   {"source.tor_node", TypeBool},
	SourceURL:                       {"source.url", TypeURL},
	SourceURLPath:                   {"source.urlpath", TypeText},
	Status:                          {"status", TypeText},
	TimeObservation:                 {"time.observation", TypeTime},
	TimeSource:                      {"time.source", TypeTime},
	TLP:                             {"tlp", TypeTLP},
}

// String is the field's dotted name.
func (f Field) String() string {
	if f >= fieldEnd {
		return ""
	}
	return fieldTable[f].name
}

// Type is the kind of value that the field takes.
func (f Field) Type() Type {
	if f >= fieldEnd {
		return TypeText
	}
	return fieldTable[f].typ
}

// FieldByName finds a field by its dotted name. Names below "extra." are not
// fields; ok is false for them as for unknown names.
func FieldByName[T string | []byte](name T) (f Field, ok bool) {
	i := 1 + sort.Search(len(fieldTable)-1, func(i int) bool { return fieldTable[i+1].name >= string(name) })
	if i < len(fieldTable) && fieldTable[i].name == string(name) {
		return Field(i), true
	}
	return FieldNone, false
}

// Fields lists every field in the order of names.
func Fields() []Field {
	all := make([]Field, 0, len(fieldTable)-1)
	for f := FieldNone + 1; f < fieldEnd; f++ {
		all = append(all, f)
	}
	return all
}
