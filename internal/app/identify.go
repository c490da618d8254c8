package app

import (
	"net/http"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

// identify finds out who asks: the local operator at the local socket, or the
// holder of a token.
func (a *App) identify(r *http.Request) (web.Viewer, error) {
	if r.Context().Value(localPeer{}) != nil {
		return a.viewer(r, "local-operator", "", guard.LocalOperator()), nil
	}
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return web.Viewer{}, nil
	}
	s, err := a.guard.ByToken(r.Context(), secret)
	if err != nil {
		return web.Viewer{}, err
	}
	return a.viewer(r, s.Actor.ID, s.Person.Name, s.Actor), nil
}

func (a *App) viewer(r *http.Request, id, name string, actor act.Actor) web.Viewer {
	return web.Viewer{ID: id, Name: name, Actor: actor, May: func(permission string) bool {
		return a.acts.May(r.Context(), act.Call{Actor: actor, Verb: permission})
	}}
}
