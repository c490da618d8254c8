package app

import (
	"context"
	"embed"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/constituency/constituencyweb"
	"almenara.example/internal/desk"
	"almenara.example/internal/desk/deskweb"
	"almenara.example/internal/duty"
	"almenara.example/internal/duty/dutyweb"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/guard/guardweb"
	"almenara.example/internal/incident"
	"almenara.example/internal/incident/incidentweb"
	"almenara.example/internal/ledger"
	"almenara.example/internal/ledger/ledgerweb"
	"almenara.example/internal/outbound"
	"almenara.example/internal/portal/portalweb"
	"almenara.example/internal/warn"
	"almenara.example/internal/warn/warnweb"
	"almenara.example/internal/watch"
	"almenara.example/internal/watch/watchweb"
	frame "almenara.example/web"
)

// lines are the migrations of every room, lower rooms first.
func lines() []sqldb.Migrations {
	text, textOnPostgres := incident.TextMigrations()
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "outbound", Files: outbound.Migrations},
		{Room: "constituency", Files: constituency.Migrations},
		{Room: "duty", Files: duty.Migrations},
		{Room: "watch", Files: watch.Migrations},
		{Room: "warn", Files: warn.Migrations},
		{Room: "incident", Files: incident.Migrations},
		{Room: "incident_text", Files: text, Postgres: textOnPostgres},
	}
}

// words are the catalogue files of every package that has some.
func words() []fs.FS {
	return []fs.FS{
		sub(frame.Locales, "locales"), sub(blob.Locales, "locales"), sub(jobs.Locales, "locales"),
		sub(pgp.Locales, "locales"), sub(message.Locales, "locales"),
		sub(ledger.Locales, "locales"), sub(guard.Locales, "locales"),
		sub(guardweb.Locales, "locales"), sub(outbound.MailWords(), "locales"), sub(outbound.Locales, "locales"),
		sub(watch.Locales, "locales"), sub(watchweb.Locales, "locales"), sub(warn.Locales, "locales"),
		sub(warnweb.Locales, "locales"), sub(incident.Locales, "locales"), sub(incidentweb.Locales, "locales"), sub(deskweb.Locales, "locales"),
		sub(duty.Locales, "locales"), sub(dutyweb.Locales, "locales"), sub(portalweb.Locales, "locales"),
		sub(constituencyweb.Locales, "locales"), sub(ledgerweb.Locales, "locales"),
		sub(locales, "locales"),
	}
}

// door is what a room's …web package brings to the site.
type door struct {
	room      string
	routes    []web.Route
	operation func(huma.API)
	templates fs.FS // nil when the room has no pages
}

// doors lists the rooms' doors.
func (a *App) doors(guardPages *guardweb.Pages) []door {
	incidentPages := incidentweb.New(a.site, a.incidents).ReadsMail(a.receiving)
	warnPages := warnweb.New(a.site, a.warn).ReadsMail(a.receiving).Offers(incidentPages.OfferMail)
	watchPages := watchweb.New(watchweb.Config{
		Site: a.site, Watch: a.watch, Constituency: a.constituency, Acts: a.acts, Stories: warnPages,
		Elsewhere: []watchweb.Elsewhere{{
			Name: "incident", Key: "incident.desk.reports.promote", Icon: "danger", Permission: "incident.promote_findings", URL: "/incident/promote",
		}},
	})
	notices := warnings{warn: a.warn, acts: a.acts, receiving: a.receiving, clock: a.clock}
	deskPages := deskweb.New(deskweb.Config{
		Site: a.site, Watch: a.watch, Constituency: a.constituency, Acts: a.acts, Clock: a.clock,
		FailedWork: a.failedWork, FailedWorkURL: failedWorkURL, FailedWorkPermission: permissionOfNotices,
		Needs: []desk.Needs{crossings{a.incidents, a.acts}, response{a.incidents, a.acts}, notices, people{a.constituency, a.duty, a.acts}}, Finders: []desk.Finder{notices, incidentFinder{a.incidents, a.acts}},
		Answers: a.warn,
	})
	watchCalls := watchweb.NewOperations(a.watch, a.constituency, a.guard, a.acts)
	constituencyDoor := constituencyweb.New(a.site, a.constituency, a.guard, a.acts)
	constituencyDoor.SetRules(lookupRules{a.warn})
	dutyPages := dutyweb.New(a.site, a.duty)
	ledgerPages := ledgerweb.New(a.site, a.ledger, guardPages)
	portalPages := portalweb.New(a.site, a.portal, a.warn, a.clock)
	house := &houseCalls{app: a}
	restored := &restoreCalls{app: a}
	return []door{
		{room: "guard", routes: guardPages.Routes(), templates: guardweb.Templates, operation: house.API},
		{room: "ledger", routes: ledgerPages.Routes(), templates: ledgerweb.Templates, operation: ledgerPages.API},
		{room: "app", routes: restored.Routes(), operation: restored.API},
		{room: "constituency", routes: constituencyDoor.Routes(), templates: constituencyweb.Templates, operation: constituencyDoor.API},
		{room: "duty", routes: dutyPages.Routes(), templates: dutyweb.Templates, operation: dutyPages.API},
		{room: "watch", routes: watchPages.Routes(), templates: watchweb.Templates, operation: watchCalls.API},
		{room: "warn", routes: warnPages.Routes(), templates: warnweb.Templates, operation: warnPages.API},
		{room: "incident", routes: incidentPages.Routes(), templates: incidentweb.Templates, operation: incidentPages.API},
		{room: "portal", routes: portalPages.Routes(), templates: portalweb.Templates},
		{room: "desk", routes: deskPages.Routes(), templates: deskweb.Templates},
	}
}

// nav is the rail.
func (a *App) nav() []web.NavItem {
	return []web.NavItem{
		{Room: "desk", Key: "app.nav.desk", URL: "/", Icon: "board", Permission: "desk.read"},
		{Room: "watch", Key: "app.nav.watch", URL: "/watch/findings", Icon: "watch", Permission: "watch.read"},
		{Room: "warn", Key: "warn.nav", URL: "/warn/notices", Icon: "warn", Permission: "warn.read"},
		{Room: "incident", Key: "incident.desk.nav", URL: "/incident/incidents", Icon: "danger", Permission: "incident.read"},
		{Room: "incident", Key: "incident.desk.crossings.nav", URL: "/incident/crossings", Icon: "danger", Permission: "oversight.watch_crossings"},
		{Room: "constituency", Key: "constituency.room", URL: "/constituency/organisations", Icon: "constituency", Permission: "constituency.read"},
		{Room: "duty", Key: "duty.title", URL: "/duty", Icon: "phone", Permission: "duty.read"},
		{Room: "portal", Key: "portal.nav", URL: portalweb.HomeURL, Icon: "warn", Permission: "portal.read"},
		{Room: "ledger", Key: "ledger.title", URL: "/ledger", Icon: "ledger", Permission: ledgerweb.Permission},
		{Room: "guard", Key: "app.nav.guard", URL: "/guard/persons", Icon: "guard", Permission: "guard.read"},
	}
}

// failedWorkURL is the page that lists the work that failed for good.
const failedWorkURL = "/warn/failed"

// failedWork counts that work, as far as a page says.
func (a *App) failedWork(ctx context.Context) (int64, error) {
	failed, err := a.queue.Failed(ctx, 1000)
	return int64(len(failed)), err
}

// closures says, per kind of thing, which room answers the release gate.
func (a *App) closures() map[string]guard.Closure {
	all := a.portal.Closures()
	all[warn.KindNotice] = a.warn
	maps.Copy(all, a.incidents.ReportClosures())
	all[incident.KindMail] = a.incidents.Letters()
	all[incident.KindLetter], all[incident.KindPackage] = a.incidents.LetterClosure(), a.incidents.PackageClosure()
	return all
}

// subscriptions says who hears whose facts.
func (a *App) subscriptions() []act.Subscription {
	return []act.Subscription{
		a.constituency.Subscription(), // guard.OrganisationsChanged: refresh the index
		a.watch.Subscription(),        // constituency.AssetsChanged: match open findings again
		a.warn.Subscription(),         // watch.DeliveryTaken, watch.DeliveriesReleased: draft notices
		a.incidents.Subscription(),    // incident.Changed: whom to tell by mail
		a.warn.FiguresSubscription(),  // warn.NoticesMoved, warn.NoticeAnswered: the board's figures
	}
}

// upkeep registers what is done by the clock, besides what watch does by itself.
func (a *App) upkeep() error {
	for name, work := range map[string]func(context.Context) error{
		"guard.sweep":         a.guard.Sweep,
		"watch.collect_blobs": func(ctx context.Context) error { return a.apartFromBackups(ctx, a.watch.CollectBlobs) },
	} {
		_, err := jobs.Add(a.queue, jobs.Kind[struct{}]{
			Name: name, Every: 24 * time.Hour,
			Work: func(ctx context.Context, _ struct{}, _ jobs.Try) error { return work(ctx) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mount hands every door to the site.
func (a *App) mount() error {
	a.site.Handle(a.healthRoutes()...)
	ceremonies, err := guard.NewCeremonies(a.guard, a.public, "Almenara")
	if err != nil {
		return err
	}
	guardPages := guardweb.New(a.site, a.door, ceremonies)
	a.api = newAPI(a.site, a.version, guardPages.Once)
	for _, d := range a.doors(guardPages) {
		a.site.Handle(d.routes...)
		if d.templates != nil {
			a.site.Templates(d.room, d.templates)
		}
		if d.operation != nil {
			d.operation(a.api.huma)
		}
	}
	return a.api.finish()
}

func sub(f embed.FS, folder string) fs.FS { return i18n.Sub(f, folder) }

// dir is a folder that may be missing.
func dir(name string) fs.FS {
	if st, err := os.Stat(name); err != nil || !st.IsDir() {
		return nil
	}
	return os.DirFS(name)
}
